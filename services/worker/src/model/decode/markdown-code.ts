export interface CodeTracker {
  /** Takes the next character of the text. */
  step(character: string): void;
  inside(): boolean;
}

/** Tracks, character by character, whether the text is inside a Markdown fence or inline code. */
export function createCodeTracker(): CodeTracker {
  /** The open fence's character and length. A line with only that character, at least as often, closes it. */
  let fence: { sign: string; length: number } | null = null;
  let inline = false;
  /** The run of fence characters at the start of the line, and whether other text follows. */
  let line = { sign: "", run: 0, rest: false, opens: false };

  function endLine(): void {
    const { sign, run, rest, opens } = line;
    if (fence && !opens && sign === fence.sign && run >= fence.length && !rest) fence = null;
    inline = false;
    line = { sign: "", run: 0, rest: false, opens: false };
  }

  function step(character: string): void {
    if (character === "\n") {
      endLine();
      return;
    }
    if (character === "`") inline = !inline;
    const isFenceSign = character === "`" || character === "~";
    if (isFenceSign && !line.rest && (line.run === 0 || character === line.sign)) {
      line.sign = character;
      line.run += 1;
      if (line.run >= 3 && (fence === null || line.opens)) {
        line.opens = true;
        fence = { sign: character, length: line.run };
        inline = false;
      }
    } else if (character === "`" && line.opens && line.sign === "`") {
      // CommonMark allows no backticks after an opening backtick fence, so this is inline code.
      fence = null;
      line.opens = false;
    } else if (line.run > 0 ? character.trim() !== "" : character !== " " && character !== "\t") {
      line.rest = true;
    }
  }

  return { step, inside: () => fence !== null || inline };
}
