import { echoedSecretsOf, type ServerAddress } from "@boocode/model-servers";
import { createScrubber, formsOf, scrubStrings } from "@boocode/runtime";
import type { Reply } from "../turn/ports.ts";
import type { Piece } from "./decode/thoughts/piece.ts";

/** Removes the server's own secrets from one reply: a server, or a proxy in front of it, may echo the request. */
export interface ReplyScrubber {
  /** Text and reasoning are separate streams: each may hold back the beginning of a secret. */
  pieces(pieces: readonly Piece[]): Piece[];
  /** Returns what was held back. */
  end(): Piece[];
  reply(reply: Reply): Reply;
}

/** @returns a function that creates the scrubber of one reply */
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
            : // This piece moves the text so far to the reasoning, so what was held back must come first.
              [...end(), piece],
        ),
      end,
      reply: (reply) => scrubStrings(reply, scrubber.scrub),
    };
  };
}
