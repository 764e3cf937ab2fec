export interface CodeTracker {
  /** Takes the next character of the text. */
  step(character: string): void;
  inside(): boolean;
}

/** Tracks, character by character, whether the text is inside a Markdown fence or inline code. */
export function createCodeTracker(): CodeTracker {
  /** The sign and length of the open fence. It is closed by a line with nothing but at least as many of the same sign. */
  let fence: { sign: string; length: number } | null = null;
  let inline = false;
  /** The run of fence signs at the beginning of the line, and what follows it. */
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
      // A fence's first line has no backticks behind it: this is inline code.
      fence = null;
      line.opens = false;
    } else if (line.run > 0 ? character.trim() !== "" : character !== " " && character !== "\t") {
      line.rest = true;
    }
  }

  return { step, inside: () => fence !== null || inline };
}
