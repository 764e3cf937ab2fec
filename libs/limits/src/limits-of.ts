// PURE
import { LIMIT_NAMES, LIMITS, type LimitChange, type Role, type UserLimits } from "@boocode/contracts";

/** The limits of each role; null: nobody has any. */
export type LimitSettings = Record<Role, UserLimits> | null;

const everywhere = (value: (name: keyof UserLimits) => number | null) =>
  Object.fromEntries(LIMIT_NAMES.map((name) => [name, value(name)])) as UserLimits;

export const DEFAULT_LIMITS = everywhere((name) => LIMITS[name].default);
export const NO_LIMITS = everywhere(() => null);

/** The limits of one user. @param own what an administrator set for this user */
export function limitsOf(
  settings: LimitSettings,
  { role, limits: own }: { role: Role; limits?: LimitChange | null },
): UserLimits {
  return settings ? { ...settings[role], ...own } : NO_LIMITS;
}
