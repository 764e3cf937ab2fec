export interface CodeTracker {
  /** Takes the next character of the text. */
  step(character: string): void;
  inside(): boolean;
}

/** Tracks, character by character, whether the text is inside a Markdown fence or inline code. */
export function createCodeTracker(): CodeTracker {
  let fence = false;
  let inline = false;
  let ticks = 0;
  let blank = true;

  function step(character: string): void {
    if (character === "\n") {
      inline = false;
      ticks = 0;
      blank = true;
    } else if (character === "`") {
      ticks += 1;
      inline = !inline;
      if (ticks === 3 && blank) {
        fence = !fence;
        inline = false;
      }
    } else {
      ticks = 0;
      if (character !== " " && character !== "\t") blank = false;
    }
  }

  return { step, inside: () => fence || inline };
}
