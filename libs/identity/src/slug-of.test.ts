import { Name, Slug } from "@boocode/contracts";
import fc from "fast-check";
import { expect, test } from "vitest";
import { slugOf } from "./slug-of.ts";

test("a slug is made of the name's letters and digits", () => {
  expect(slugOf("Ada Lovelace")).toBe("ada-lovelace");
  expect(slugOf("  René-Émile_2 ")).toBe("rene-emile-2");
  expect(slugOf("../../etc/passwd")).toBe("etc-passwd");
  expect(slugOf("ﬁ Ⅳ")).toBe("fi-iv");
});

test("a name without a letter or digit has the slug `user`", () => {
  for (const name of ["-", "…", "本", "😀"]) expect(slugOf(name)).toBe("user");
});

test("every name has a slug that is the name of one folder, and a slug is its own slug", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
      fc.pre(Name.safeParse(text).success);
      const slug = slugOf(text);
      expect(Slug.parse(slug)).toBe(slug);
      expect(slug.length).toBeLessThanOrEqual(40);
      expect(slugOf(slug)).toBe(slug);
    }),
  );
});
