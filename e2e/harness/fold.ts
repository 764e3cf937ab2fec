import {
  type Citation,
  classifyPosition,
  type Message,
  type MessageList,
  type Position,
  parseCursor,
  type SessionFrame,
  START,
} from "@boocode/contracts";

/**
 * The state of a client without the library: messages by id, folded from a REST answer and the frames after its cursor. As an
 * oracle it is strict: a turn frame other than the next one fails the test.
 */
export interface Fold {
  texts: Map<string, { content: string; status: string; role: string; citations: Citation[] | null }>;
  cursor: Position;
  apply(frame: SessionFrame): void;
}

export function createFold(loaded: MessageList | null): Fold {
  const texts: Fold["texts"] = new Map();
  const places = new Map<string, [ordinal: number, position: number]>();
  const put = (
    message: Pick<Message, "id" | "content" | "status" | "role" | "turn_ordinal" | "position" | "citations">,
  ) => {
    const { content, status, role, citations = null } = message;
    texts.set(message.id, { content, status, role, citations });
    places.set(message.id, [message.turn_ordinal, message.position]);
  };
  const remove = ({ message_ids, range }: Extract<SessionFrame, { type: "messages_deleted" }>) => {
    for (const id of message_ids) texts.delete(id);
    if (!range) return;
    const { from, through_turn } = range;
    for (const [id, [ordinal, position]] of places) {
      const isBefore = ordinal < from.turn_ordinal || (ordinal === from.turn_ordinal && position < from.position);
      if (!isBefore && ordinal <= through_turn) texts.delete(id);
    }
  };
  for (const message of loaded?.messages ?? []) put(message);

  const fold: Fold = {
    texts,
    cursor: (loaded && parseCursor(loaded.cursor)) ?? START,
    apply(frame) {
      if (frame.type === "message_posted") put(frame.message);
      if (frame.type === "messages_deleted") remove(frame);
      if (frame.type === "snapshot") {
        for (const message of frame.messages) put(message);
        fold.cursor = parseCursor(frame.cursor) ?? START;
      }
      if (!("seq" in frame)) return;
      const position = parseCursor(frame.cursor) ?? START;
      // A new turn begins at its first frame; within an epoch each frame is the next one.
      const begins = position.epoch.ordinal > fold.cursor.epoch.ordinal && (frame.first_seq ?? frame.seq) === 1;
      const first = frame.first_seq === undefined ? {} : { firstSeq: frame.first_seq };
      if (!begins && classifyPosition(fold.cursor, { ...position, ...first }) !== "next") {
        throw new Error(`${JSON.stringify(frame)} does not follow ${JSON.stringify(fold.cursor)}`);
      }
      fold.cursor = position;
      if (frame.type === "message_started" && !texts.has(frame.message_id)) {
        put({ ...frame, id: frame.message_id, content: "", status: "streaming" });
      }
      const message = "message_id" in frame && frame.message_id ? texts.get(frame.message_id) : undefined;
      if (frame.type === "delta" && message) message.content += frame.content;
      if (frame.type === "text_was_reasoning" && message) message.content = "";
      if (frame.type === "message_complete" && message) message.status = frame.status;
      if (frame.type === "citations" && message) {
        message.citations = [...(message.citations ?? []), ...frame.citations];
      }
      if (frame.type === "tool_result") {
        const turn_ordinal = position.epoch.ordinal;
        put({ ...frame, id: frame.message_id, turn_ordinal, content: frame.output, status: "complete", role: "tool" });
      }
    },
  };
  return fold;
}

/** The messages of a REST answer in the same form. */
export function foldOf(loaded: MessageList): Fold["texts"] {
  return createFold(loaded).texts;
}
