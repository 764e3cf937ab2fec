import fc from "fast-check";
import { expect, test } from "vitest";
import { GROUP_NAMES, type GroupName, WITHHELD_GROUPS, type WithheldGroup } from "./groups.ts";
import { createWithheldGroupOf } from "./withheld-group.ts";

const groupOf = createWithheldGroupOf();

/** Each path is tried in a folder and at the top. */
const WITHHELD: Record<GroupName, string[]> = {
  env: [".env", ".env.local", ".env.production", ".env-prod", ".envrc", ".env2", "prod.env", ".dev.vars", ".env.php"],
  ssh: [".ssh/config", ".ssh/known_hosts", ".ssh/a/b.sh"],
  gnupg: [".gnupg/pubring.kbx", "secring.gpg", ".gnupg/private-keys-v1.d/a.key"],
  keys: ["id_rsa", "id_ed25519", "id_rsa_work", "id_rsa.old", "tls/server.key", "a.pem", "a.p12", "config/master.key"],
  git: [
    ...[
      ".git/config",
      ".git/config.worktree",
      ".git/modules/lib/config",
      ".git/modules/a/b/config",
      ".git-credentials",
    ],
    ...[".git/logs/HEAD", ".git/modules/lib/logs/HEAD", "bare.git/config", "bare.git/logs/HEAD", ".git/credentials"],
    ...[".git/worktrees/w/logs/HEAD", ".config/git/credentials", ".config/gh/hosts.yml", ".hg/hgrc", ".gitconfig"],
  ],
  registries: [
    ...[".npmrc", ".yarnrc.yml", ".pypirc", "pip.conf", ".cargo/credentials.toml", ".gem/credentials", "auth.json"],
    ...[".m2/settings.xml", ".gradle/gradle.properties", "NuGet.Config", ".composer/auth.json", ".bundle/config"],
  ],
  cloud: [
    ...[".aws/credentials", ".aws/config", ".azure/accessTokens.json", ".config/gcloud/credentials.db", ".s3cfg"],
    ...["my-service-account.json", "serviceAccountKey.json", "service-account.json", "app-firebase-adminsdk-x.json"],
    ...["local.settings.json"],
  ],
  clusters: [".kube/config", "kubeconfig", "prod.kubeconfig", "kubeconfig.yaml", "etc/kubernetes/admin.conf"],
  containers: [".docker/config.json", ".dockercfg", "containers/auth.json"],
  terraform: ["terraform.tfstate", "terraform.tfstate.backup", "prod.tfvars", ".terraformrc", "credentials.tfrc.json"],
  databases: [".pgpass", ".my.cnf", "wp-config.php"],
  logins: [".netrc", "_netrc", ".htpasswd", ".vscode/sftp.json"],
  passwords: [".vault-token", ".vault_pass.txt", ".vault_pass.py", "a.kdbx", ".password-store/mail.gpg"],
  secrets: ["credentials", "credentials.json", "secrets.yml", ".secrets.toml", "local.properties", "secret_key"],
  histories: [".bash_history", ".zsh_history", ".psql_history", "fish_history"],
  browsers: [".mozilla/firefox/x/prefs.js", "logins.json", ".config/google-chrome/Default/Login Data"],
  system: ["etc/shadow", "etc/gshadow"],
};

test.each(GROUP_NAMES)(
  "the group %s withholds its files, in any folder and in any case, unless it is switched off",
  (name) => {
    const others = createWithheldGroupOf([name]);
    for (const path of WITHHELD[name]) {
      for (const form of [`/srv/code/${path}`, path, path.toUpperCase(), `/SRV/${path.toUpperCase()}`])
        expect([form, groupOf(form)]).not.toEqual([form, null]);
      expect(others(path)).not.toBe(name);
    }
    expect(WITHHELD[name].map((path) => groupOf(path))).toContain(name);
  },
);

test.each([
  ...[".env.example", ".env.sample", ".env.template", ".env.dist", ".env.production.example", ".ENV.EXAMPLE"],
  ...[
    "example.env",
    ".env.d.ts",
    "env.ts",
    "env.d.ts",
    "vite-env.d.ts",
    "env.go",
    "environment.ts",
    "env",
    "dotenv.js",
  ],
  ...[".env/lib/python3/site.py", "env/.gitkeep", "id_rsa.pub", ".ssh/id_rsa.pub", "id_rsa.go", "id_rsa_test.go"],
  ...[
    "id_ed25519.rs",
    "sign_rsa.c",
    "rsa.ts",
    "private_key.py",
    "private_key.go",
    "privatekey.ts",
    "key.ts",
    "keys.py",
  ],
  ...["keystore.ts", "pem.go", "server.crt", "cert.crt", "credentials.ts", "credentials.go", "credentials/index.ts"],
  ...[
    "credentials.md",
    "secrets.py",
    "secrets.ts",
    "secrets/index.ts",
    "secret.go",
    "secrets.example.yml",
    "secret.yaml",
  ],
  ...["templates/secrets.yaml", "chart/templates/secret.yaml", "locales/de/auth.json", "src/auth.ts", "auth/index.ts"],
  ...["src/i18n/en/credentials.json", "config", "src/config", "config/index.ts", "config.toml", ".cargo/config.toml"],
  ...[
    ".git/HEAD",
    ".git/packed-refs",
    ".git/hooks/pre-commit",
    ".git/index",
    ".git/info/exclude",
    ".git",
    ".gitmodules",
  ],
  ...[
    ".gitignore",
    ".gitattributes",
    ".github/workflows/ci.yml",
    "project.git/src/config.ts",
    "project.git/src/logs/a.ts",
  ],
  ...["settings.xml", "settings.py", "gradle.properties", "build.gradle", "pom.xml", "composer.json", "Cargo.toml"],
  ...["kubeconfig.go", "kubeconfig/load.go", "kubernetes/nginx.conf", "k8s/service-account.yaml", "serviceaccount.go"],
  ...["main.tf", "variables.tf", "example.tfvars", "tfstate.go", "terraform.ts", "Dockerfile", "docker-compose.yml"],
  ...["docker/config.json", "config.json", "history.ts", "bash_history.go", "shadow.css", "shadow.ts", "etc/passwd"],
  ...["htpasswd.go", "netrc.py", "npmrc.ts", "cookies.ts", "vault.ts", "vault_password.rs", "token.ts", "Token.json"],
  ...[
    "wp-config-sample.php",
    "local_settings.py",
    "package.json",
    ".nvmrc",
    ".prettierrc",
    ".eslintrc.js",
    ".boocodeignore",
  ],
  ...[
    "test/id_rsa/index.ts",
    "environment.prod.ts",
    ".envoy/config.ts",
    "google-chrome/Dockerfile",
    "kwalletd/main.cpp",
  ],
])("%s is not withheld", (path) => {
  for (const form of [path, `/srv/code/${path}`, path.toUpperCase()])
    expect([form, groupOf(form)]).toEqual([form, null]);
});

test("copies that editors and people leave, and names that other file systems read as the same, are withheld", () => {
  const forms = [
    ...[".env~", ".env.bak", ".env.swp", "#.env#", ".#.env", "id_rsa.bak", "id_rsa~", ".id_rsa.swp", "server.key.orig"],
    ...[".env.", ".env ", ".git./config", ".env::$DATA", "a.pem:x", "a:b.pem", ".\u200cenv", ".g\u200cit/config"],
    // A copy of a copy, and copies whose own names no pattern matches.
    ...["auth.json.bak~", ".auth.json.swp", "#auth.json#"],
    // The long s and the Kelvin sign fold to ASCII letters, and `ﬁ` to two; `ß` in upper case is `SS`; some fold wide letters.
    ...[".\u00dfh/config", ".\uff45nv"],
    ...[".\u017fsh/config", "\u212aubeconfig", ".git/con\ufb01g", "SECRET\u017f.YML", "credentials.json.OLD"],
  ];
  for (const path of forms) expect([path, groupOf(`/srv/${path}`)]).not.toEqual([path, null]);
});

/** Paths that the patterns of all groups name, with short texts in place of their stars. */
const examples = GROUP_NAMES.flatMap((name) => {
  const { files }: WithheldGroup = WITHHELD_GROUPS[name];
  return files.map((pattern) => pattern.replaceAll("**/", "").replaceAll("*", "x").replace(/\/$/, "/x"));
});

test("every file that a pattern names is withheld in any mix of cases", () => {
  const flips = fc.array(fc.boolean(), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(fc.constantFrom(...examples), flips, (example, upper) => {
      const mixed = Array.from(example, (char, at) => (upper[at % upper.length] ? char.toUpperCase() : char)).join("");
      expect([mixed, groupOf(mixed)]).not.toEqual([mixed, null]);
    }),
    { numRuns: 2000 },
  );
});

const STEMS = [
  ...["env", "dotenv", "environment", "credentials", "credential", "secret", "secrets", "key", "keys", "id_rsa", "rsa"],
  ...["private_key", "public_key", "token", "tokens", "password", "passwords", "auth", "login", "vault", "kubeconfig"],
  ...["service_account", "service-account", "config", "settings", "netrc", "npmrc", "htpasswd", "history", "cookies"],
  ...[
    "terraform",
    "tfvars",
    "docker",
    "git",
    "gpg",
    "ssh",
    "shadow",
    "keystore",
    "keychain",
    "index",
    "main",
    "README",
  ],
];
const ENDINGS = [
  "ts",
  "tsx",
  "js",
  "jsx",
  "mjs",
  "py",
  "go",
  "rs",
  "rb",
  "java",
  "kt",
  "c",
  "h",
  "cpp",
  "cs",
  "php",
  "swift",
];

test("no source file is withheld because of what its name or folder looks like", () => {
  const name = fc
    .tuple(
      fc.constantFrom(...STEMS),
      fc.constantFrom("", "_test", ".test", "-util", ".example"),
      fc.constantFrom(...ENDINGS),
    )
    .map(([stem, suffix, ending]) => `${stem}${suffix}.${ending}`);
  const folders = fc.array(fc.constantFrom("src", "lib", "config", ...STEMS), { maxLength: 4 });
  fc.assert(
    fc.property(folders, name, (above, file) => {
      const path = [...above, file].join("/");
      expect([path, groupOf(path)]).toEqual([path, null]);
    }),
    { numRuns: 3000 },
  );
});

test("a long path is matched in little time", () => {
  const paths = [
    `${"a/".repeat(2000)}b`,
    `.git/${"config/".repeat(500)}x`,
    `${".".repeat(4000)}x`,
    "id_rsa".repeat(600),
  ];
  const before = performance.now();
  for (const path of [...paths, `${"#".repeat(4000)}`, ` ${". ".repeat(2000)}x`, `a${":".repeat(4000)}`]) groupOf(path);
  expect(performance.now() - before).toBeLessThan(2000);
});
