// PURE

/** For each role: the full names of models, by what sessions call them; by "" that of the default model. */
export type NamesOfRoles = Partial<Record<string, Record<string, string>>>;

/** What sessions' names of models were resolved to last. A claim begins a message with it, before the name is resolved again. */
export interface ResolvedNames {
  /** @param name null: the server chooses */
  remember(wanted: string | null, role: string, name: string | null): void;
  known(): NamesOfRoles;
}

/** @param most how many names of a role are remembered, the newest ones: users can invent any number */
export function createResolvedNames(most: number): ResolvedNames {
  const roles: NamesOfRoles = {};
  return {
    remember(wanted, role, name) {
      const key = wanted ?? "";
      const names = roles[role] ?? {};
      // A name in full is what the claim takes without this.
      const stands = name === wanted ? undefined : (name ?? undefined);
      if (names[key] === stands) return;
      const { [key]: _, ...others } = names;
      const kept = Object.entries(others).slice(1 - most);
      roles[role] = Object.fromEntries(stands === undefined ? kept : [...kept, [key, stands]]);
    },
    known: () => roles,
  };
}
