import { Role, Scope } from "@boocode/contracts";
import fc from "fast-check";
import { expect, test } from "vitest";
import { decideToken } from "./decide-token.ts";

const NOW = "2026-01-01T00:00:00.000Z";
const LATER = "2026-01-02T00:00:00.000Z";
const scopes = fc.uniqueArray(fc.constantFrom(...Scope.options), { minLength: 1 });
const role = fc.constantFrom(...Role.options);
const expiry = fc.constantFrom(null, NOW, LATER);

test("a token that a caller makes permits nothing that the caller's own does not, and not for longer", () => {
  fc.assert(
    fc.property(
      fc.record({ role, scopes, expiresAt: expiry }),
      fc.record({ scopes, expires_at: fc.option(expiry, { nil: undefined }) }),
      (caller, wanted) => {
        const decided = decideToken(caller, wanted);
        if (typeof decided === "string") return;
        expect(caller.scopes).toEqual(expect.arrayContaining(decided.scopes));
        if (caller.role !== "admin") expect(decided.scopes).not.toContain("admin");
        if (caller.expiresAt !== null) {
          expect(decided.expiresAt?.getTime()).toBeLessThanOrEqual(new Date(caller.expiresAt).getTime());
        }
      },
    ),
  );
});

test("a caller gets what its own token permits", () => {
  const caller = { role: "user" as const, scopes: ["read", "ask"] as Scope[], expiresAt: LATER };
  const read: Scope[] = ["read"];
  expect(decideToken(caller, { scopes: read })).toEqual({ scopes: read, expiresAt: new Date(LATER) });
  expect(decideToken(caller, { scopes: read, expires_at: NOW })).toEqual({ scopes: read, expiresAt: new Date(NOW) });
  expect(decideToken(caller, { scopes: read, expires_at: LATER })).toEqual({
    scopes: read,
    expiresAt: new Date(LATER),
  });
  expect(decideToken(caller, { scopes: read, expires_at: null })).toMatch(/expires later/);
  expect(decideToken({ ...caller, expiresAt: null }, { scopes: read })).toEqual({ scopes: read, expiresAt: null });
});
