import { expect, test } from "vitest";
import { defaultsOf, SERVICES } from "./configs.ts";
import { interpolated, readText } from "./read-repository.ts";

/** Sections begin with `# ---- names` and contain `NAME=value` or, for a default, `# NAME=value`. */
const sections = readText(".env.example")
  .split(/^# ---- /m)
  .slice(1)
  .map((text) => ({
    of: (/^[a-z, ]+/.exec(text)?.[0] ?? "").trim().split(", "),
    variables: [...text.matchAll(/^(?:# )?([A-Z][A-Z_]*)=(.*)$/gm)].map(([, name, value]) => [name, value] as const),
  }));

const section = (who: string) => sections.filter(({ of }) => of.includes(who)).flatMap(({ variables }) => variables);

test("the compose section of .env.example lists exactly the variables that docker-compose.yml interpolates", () => {
  const asked = section("compose").map(([name]) => name);
  expect(asked.sort()).toEqual([...interpolated(readText("docker-compose.yml")), "COMPOSE_PROFILES"].sort());
});

test.each(SERVICES)(".env.example names exactly the variables of %s, with their defaults", (service) => {
  const expected = defaultsOf(service);
  // Variables of the compose section are not repeated.
  for (const [name] of section("compose")) delete expected[name as string];
  expect(section(service).map(([name]) => name)).toHaveLength(Object.keys(expected).length);
  expect(Object.fromEntries(section(service))).toEqual(expected);
});

test(".env.example holds no password", () => {
  for (const [name, value] of sections.flatMap(({ variables }) => variables)) {
    if (/PASSWORD|KEY/.test(name as string)) expect(value, name).toBe("");
  }
});
