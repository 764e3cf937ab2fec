/** An event that happens once and can be awaited. */
export function createSignal(): { happened: Promise<void>; fire(): void } {
  let fire = () => {};
  const happened = new Promise<void>((resolve) => {
    fire = resolve;
  });
  return { happened, fire: () => fire() };
}
