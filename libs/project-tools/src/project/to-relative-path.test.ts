import fc from "fast-check";
import { expect, test } from "vitest";
import { toRelativePath } from "./to-relative-path.ts";

const roots = ["/srv/code", "/link/code"];

test.each([
  [".", "."],
  ["./", "."],
  ["src//a.ts", "src/a.ts"],
  ["src/../lib/", "lib"],
  ["/srv/code", "."],
  ["/srv/code/", "."],
  ["/srv/code/src/a.ts", "src/a.ts"],
  ["/link/code/a", "a"],
  ["/srv/code/src/../..a", "..a"],
  ["-rf", "-rf"],
])("%j becomes %j", (path, relative) => {
  expect(toRelativePath(path, roots)).toBe(relative);
});

test.each(["..", "../code/a", "a/../../b", "/etc/passwd", "/src/a.ts", "/srv/codex", "/srv/code/../x", "/", "a\0b"])(
  "%j is rejected",
  (path) => {
    expect(() => toRelativePath(path, roots)).toThrow(/project|NUL/);
  },
);

test("the root may be the root of the file system", () => {
  expect(toRelativePath("/etc", ["/"])).toBe("etc");
});

test("no path leads out of the root", () => {
  const part = fc.oneof(fc.constantFrom("..", ".", "/", "//", "srv", "code", "a", "~", "\\"), fc.string());
  fc.assert(
    fc.property(fc.array(part), fc.boolean(), (parts, absolute) => {
      let relative: string;
      try {
        relative = toRelativePath((absolute ? "/" : "") + parts.join("/"), roots);
      } catch {
        return;
      }
      expect(relative.startsWith("/")).toBe(false);
      expect(relative.split("/")).not.toContain("..");
    }),
  );
});
