/** How models mark a thought inline. */
export const OPEN = "<think>";
export const CLOSE = "</think>";
