import { realpathSync } from "node:fs";
import { isWithin } from "@boocode/runtime";

/**
 * The folders that `npm start` grants its user: those that its options and settings name, and the checkout. A checkout that
 * contains the home directory is not granted unless it is named.
 * @returns real paths, without those that do not exist
 */
export function namedFolders(from: { named: string[]; checkout: string; home: string }): string[] {
  const real = (path: string) => {
    try {
      return [realpathSync(path)];
    } catch {
      return [];
    }
  };
  const [home = from.home] = real(from.home);
  const checkout = real(from.checkout).filter((folder) => !isWithin(home, folder));
  return [...new Set([...from.named.flatMap(real), ...checkout])];
}
