import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ToolFailure } from "../tool-failure.ts";
import { anywhere, readGlobs } from "./read-globs.ts";

const read = (glob: string, directory = ".") => readGlobs(glob, { directory, roots: ["/srv/code"] });

describe("a glob becomes globs of ripgrep", () => {
  it.each<[string, string, string[]]>([
    ["*.ts", ".", ["*.ts"]],
    ["*.ts", "src", ["*.ts"]],
    ["**", "src", ["/src/**"]],
    ["src/*.ts", ".", ["/src/*.ts"]],
    ["./src/*.ts", ".", ["/src/*.ts"]],
    ["**/*.ts", "src", ["/src/**/*.ts"]],
    ["src/**.ts", ".", ["/src/**/*.ts"]],
    ["./...", ".", ["/**"]],
    [".", "src", ["/src/**"]],
    ["src/../lib/*.ts", ".", ["/lib/*.ts"]],
    ["!*.ts", "src", ["!*.ts"]],
    ["*/b", "[id]", ["/\\[id\\]/*/b", "/\\[id\\]/*/b/**"]],
  ])("%j in %j", (glob, directory, globs) => expect(read(glob, directory)).toEqual(globs));
});

describe("the name of a directory also means everything below it", () => {
  it.each<[string, string[]]>([
    ["src", ["src", "/**/src/**"]],
    ["/src", ["/src", "/src/**"]],
    ["a/b", ["/a/b", "/a/b/**"]],
    ["lib/", ["/lib/**"]],
    ["!dist", ["!dist", "!/**/dist/**"]],
  ])("%j", (glob, globs) => expect(read(glob)).toEqual(globs));
});

describe("brackets also match their own text", () => {
  it.each<[string, string]>([
    ["app/[id]/*.tsx", "/app/{[id],\\[id\\]}/*.tsx"],
    ["app/[[...slug]]/*", "/app/{[[...slug],\\[\\[...slug\\]}]/*"],
    ["app/[post-id]/*", "/app/\\[post-id\\]/*"],
    ["[a,b].*", "{[a,b],\\[a\\,b\\]}.*"],
    ["a[].*", "a\\[\\].*"],
    ["app/\\[id\\]/*", "/app/\\[id\\]/*"],
    ["(group)/@modal/*", "/(group)/@modal/*"],
  ])("%j", (glob, expected) => expect(read(glob)).toEqual([expected]));
});

describe("lists", () => {
  it.each([
    "*.ts,*.tsx",
    "*.ts, *.tsx",
    "*.ts *.tsx",
    "*.ts|*.tsx",
    "*.ts;*.tsx",
    "*.ts\n*.tsx",
    '["*.ts", "*.tsx"]',
    '"*.ts", "*.tsx"',
    "`*.ts,*.tsx`",
    "*.{ts,tsx}",
    "*.@(ts|tsx)",
    "*.(ts|tsx)",
    "*.ts{,x}",
    "*.ts?(x)",
  ])("%j", (glob) => expect(read(glob).slice(0, 2)).toEqual(["*.ts", "*.tsx"]));

  it("a comma may also be part of a name", () => expect(read("*,v")).toEqual(["*", "v", "/**/v/**", "*,v"]));
  it("excluding globs come last, because the last matching glob decides", () =>
    expect(read("!*.test.ts,*.ts")).toEqual(["*.ts", "!*.test.ts"]));
});

describe("braces", () => {
  it.each<[string, string[]]>([
    ["*.{a, b}", ["*.a", "*.b"]],
    ["*.{a,{b,c}d}", ["*.a", "*.bd", "*.cd"]],
    ["*{1..3}", ["*1", "*2", "*3"]],
    ["*{09..11}", ["*09", "*10", "*11"]],
    ["*{c..a}", ["*c", "*b", "*a"]],
    ["*{,.min}.js", ["*.js", "*.min.js"]],
    ["{src,lib}/*", ["/src/*", "/lib/*"]],
    ["*{x}", ["*x", "*\\{x\\}"]],
    ["*\\{a\\,b\\}", ["*\\{a\\,b\\}"]],
  ])("%j", (glob, globs) => expect(read(glob)).toEqual(globs));

  it("too many alternatives are refused", () => {
    for (const glob of ["{1..1000}", "{a,b}".repeat(40), `${"{".repeat(40)}x${"}".repeat(40)}`])
      expect(() => read(glob)).toThrow("more than 256 globs");
  });
});

describe("absolute paths, repeated directories and backslashes", () => {
  it.each<[string, string, string[]]>([
    ["/srv/code/src/*.ts", "lib", ["/src/*.ts"]],
    ["/srv/code", ".", ["/**"]],
    ["src/*.ts", "src", ["/src/src/*.ts", "/src/*.ts"]],
    ["src\\app\\*.ts", ".", ["/src/app\\*.ts", "/src/app/*.ts"]],
    ["*\\.ts", ".", ["*\\.ts", "/*/.ts", "/*/.ts/**"]],
  ])("%j in %j", (glob, directory, globs) => expect(read(glob, directory)).toEqual(globs));

  it("a path out of the directory is refused", () => expect(() => read("../*.ts", "src")).toThrow("leads out"));
});

it("bash's negation is refused with advice", () => {
  for (const glob of ["!(a).ts", "src/!(a|b)/*.ts"]) expect(() => read(glob)).toThrow("such as *.ts,!*.test.ts");
  expect(read("!(group)/*")).toEqual(["!/(group)/*"]);
});

it("names are found in both Unicode forms", () => expect(read("*é")).toEqual(["*\u00e9", "*e\u0301"]));

it("anywhere frees a glob from its directory", () => expect(anywhere(read("a/*.ts,*.js"))).toContain("**/a/*.ts"));
it.each([".ts", "ts", ".*\\.ts$"])("%s may mean *.ts", (glob) => expect(anywhere(read(glob))).toContain("*.ts"));

it("every glob is converted, without NUL, or fails with a ToolFailure", () => {
  const part = fc.constantFrom(
    "*",
    "**",
    "/",
    "{",
    "}",
    ",",
    "[",
    "]",
    "!",
    "(",
    ")",
    "|",
    "\\",
    "a",
    ".",
    "..",
    " ",
    "'",
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 30 }), fc.constantFrom(".", "a", "a/[b]"), (parts, directory) => {
      try {
        for (const glob of read(parts.join(""), directory)) expect(glob).not.toContain("\0");
      } catch (error) {
        expect(error).toBeInstanceOf(ToolFailure);
      }
    }),
  );
});
