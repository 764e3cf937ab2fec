/** Something that happens once, and that others await. */
export function createSignal(): { happened: Promise<void>; fire(): void } {
  let fire = () => {};
  const happened = new Promise<void>((resolve) => {
    fire = resolve;
  });
  return { happened, fire: () => fire() };
}
