import { echoedSecretsOf, type ServerAddress } from "@boocode/model-servers";
import { createScrubber, formsOf, scrubStrings } from "@boocode/runtime";
import type { Reply } from "../turn/ports.ts";
import type { Piece } from "./decode/thoughts/piece.ts";

/** Removes the server's own secrets from one reply: a server, or a proxy before it, may echo what it was sent. */
export interface ReplyScrubber {
  /** The text and the reasoning are streams of their own: each may hold back the beginning of a secret. */
  pieces(pieces: readonly Piece[]): Piece[];
  /** What was held back. */
  end(): Piece[];
  reply(reply: Reply): Reply;
}

/** @returns a function that makes a scrubber for a reply */
export function createReplyScrubber(server: ServerAddress): () => ReplyScrubber {
  const scrubber = createScrubber(echoedSecretsOf(server).flatMap(formsOf));
  return () => {
    const streams = { text: scrubber.stream(), reasoning: scrubber.stream() };
    const said = (type: "text" | "reasoning", text: string): Piece[] => (text === "" ? [] : [{ type, text }]);
    const end = () => [...said("reasoning", streams.reasoning.end()), ...said("text", streams.text.end())];
    return {
      pieces: (pieces) =>
        pieces.flatMap((piece) =>
          piece.type === "text" || piece.type === "reasoning"
            ? said(piece.type, streams[piece.type].push(piece.text))
            : // What was said so far changes its place, so that it must be complete.
              [...end(), piece],
        ),
      end,
      reply: (reply) => scrubStrings(reply, scrubber.scrub),
    };
  };
}
