/*
 * Every token of the scripted model is a stamp, `@SENT.NUMBER.TURN `: when it was sent (µs of a clock that all processes of this
 * machine share), its number from 0, and its turn, all in base 36. A receiver finds the stamps in its text, however the
 * tokens were put together on the way.
 */
const STAMP = /@([0-9a-z]+)\.([0-9a-z]+)\.([0-9a-z]+) /g;

/** CLOCK_MONOTONIC in µs. */
export const nowUs = () => Number(process.hrtime.bigint() / 1000n);

export function makeStamp(sentUs: number, number: number, turn: string): string {
  return `@${sentUs.toString(36)}.${number.toString(36)}.${turn} `;
}

export function eachStamp(text: string, act: (sentUs: number, number: number, turn: string) => void): void {
  for (const [, sent, number, turn] of text.matchAll(STAMP))
    act(Number.parseInt(sent as string, 36), Number.parseInt(number as string, 36), turn as string);
}

/** What a question asks of the scripted model. */
export interface Script {
  tokens: number;
  /** Between two tokens; 0: as fast as the connection takes them. */
  gapMs: number;
  /** Until the first token. */
  ttftMs: number;
  /** Steps with tool calls before the answer, and the calls in each. */
  toolSteps?: number;
  toolCalls?: number;
}

/** The text of a question; the model finds the last one in a request without parsing the request. */
export function makeQuestion(turn: string, script: Script): string {
  const { tokens, gapMs, ttftMs, toolSteps = 0, toolCalls = 0 } = script;
  return `!bench ${turn} ${tokens} ${gapMs} ${ttftMs} ${toolSteps} ${toolCalls}!`;
}

export function readQuestion(request: Buffer): { turn: string; script: Required<Script> } | null {
  const at = request.lastIndexOf("!bench ");
  if (at < 0) return null;
  const [, turn = "", ...numbers] =
    request
      .toString("latin1", at, at + 80)
      .split("!", 2)[1]
      ?.split(" ") ?? [];
  const [tokens = 0, gapMs = 0, ttftMs = 0, toolSteps = 0, toolCalls = 0] = numbers.map(Number);
  return { turn, script: { tokens, gapMs, ttftMs, toolSteps, toolCalls } };
}
