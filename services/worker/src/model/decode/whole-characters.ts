import { cleanText } from "../clean-text.ts";

export interface CharacterGate {
  push(text: string): string;
  end(): string;
}

/** Holds back half of a surrogate pair until its other half comes: servers escape an emoji as two units and cut between them. */
export function createCharacterGate(): CharacterGate {
  let half = "";
  return {
    push(text) {
      const all = half + text;
      const last = all.charCodeAt(all.length - 1);
      half = last >= 0xd800 && last <= 0xdbff ? all.slice(-1) : "";
      return cleanText(half === "" ? all : all.slice(0, -1));
    },
    end() {
      const rest = cleanText(half);
      half = "";
      return rest;
    },
  };
}
