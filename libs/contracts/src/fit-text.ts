import { MAX_FRAME_BYTES } from "./frames.ts";
import { cutText } from "./text.ts";

/** Room for a frame's own fields and for escapes: a character takes at most six bytes in JSON. */
const ROOM = 2_048;
export const MAX_TEXT_CHARACTERS = Math.floor((MAX_FRAME_BYTES - ROOM) / 6);

/** The first characters of a text that surely fit into a frame, never half of a surrogate pair. */
export function fitText(text: string, limit = MAX_TEXT_CHARACTERS): string {
  return cutText(text, limit);
}
