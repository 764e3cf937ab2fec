// PURE

/**
 * Files that may hold secrets: no tool shows their content. An operator can switch groups off (`WITHHELD_GROUPS_OFF`).
 *
 * Patterns are in lower case and match the end of a path, without regard to case. `*` is any text within a name, and `**` any number
 * of folders. A pattern with a slash at its end is a folder, and means all that is in it.
 */
export interface WithheldGroup {
  files: readonly string[];
  /** Files that one of `files` matches and that are not withheld. */
  except?: readonly string[];
}

/** What is written in a programming language is withheld only by a pattern that names it. */
const CODE = [
  ...["*.c", "*.cc", "*.clj", "*.cpp", "*.cs", "*.css", "*.cts", "*.dart", "*.ex", "*.exs", "*.go", "*.gradle", "*.h"],
  ...["*.hpp", "*.hs", "*.html", "*.java", "*.js", "*.jsx", "*.kt", "*.kts", "*.lua", "*.md", "*.mjs", "*.ml", "*.mts"],
  ...["*.cjs", "*.php", "*.pl", "*.proto", "*.py", "*.rb", "*.rs", "*.rst", "*.scala", "*.sh", "*.sql", "*.svelte"],
  ...["*.swift", "*.ts", "*.tsx", "*.vue", "*.zig"],
];
/** Translations have names such as `de/auth.json`. */
const TRANSLATIONS = ["i18n/**", "intl/**", "lang/**", "locale/**", "locales/**", "messages/**", "translations/**"];

export const WITHHELD_GROUPS = {
  env: {
    files: [".env*", "*.env", ".dev.vars", ".dev.vars.*", ".flaskenv"],
    except: [
      ...[".env*.example", ".env*.sample", ".env*.template", ".env*.dist", ".env*.schema", ".env*.d.ts"],
      ...[".env-example", ".env-sample", ".env-template", ".env-dist", ".env_example", ".env_sample", ".env_template"],
      ...["example.env", "sample.env", "template.env", "*.example.env", "*.sample.env", "*.template.env"],
      ...[".dev.vars.example"],
    ],
  },
  ssh: { files: [".ssh/"], except: ["*.pub"] },
  gnupg: { files: [".gnupg/", "private-keys-v1.d/", "secring.gpg", "secring.asc", "secring.pgp"] },
  keys: {
    files: [
      ...["id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", "id_xmss*", "*_rsa", "*_dsa", "*_ecdsa", "*_ed25519"],
      ...["ssh_host_*_key", "deploy_key", "deploy-key", "*.ppk", "*private_key", "*private-key", "*privatekey"],
      ...["*.pem", "*.key", "*.p8", "*.pk8", "*.p12", "*.pfx", "*.pkcs12", "*.jks", "*.jceks", "*.bks", "*.keystore"],
      ...["*.pvk", "*.snk", "*.jwk", "*.keytab", "*.ovpn", "*.agekey", "sops/age/keys.txt"],
      ...["keystore.properties", "key.properties"],
    ],
    except: ["*.pub", ...CODE],
  },
  git: {
    files: [
      // `config` holds the tokens of URLs, also that of a submodule. `logs` repeats the URL of `git pull URL`.
      ...[".git/**/config", ".git/**/config.worktree", ".git/**/logs/", "git~1/**/config", "*.git/config"],
      ...["*.git/config.worktree", "*.git/modules/**/config", "*.git/worktrees/**/logs/", "*.git/logs/refs/"],
      ...["*.git/logs/head", "*.git/credentials", "*.git/git-crypt/", "*.git/annex/creds/", ".git-credentials"],
      ...[".gitconfig", ".config/git/", "gh/hosts.yml"],
      ...[".config/hub", "glab-cli/config.yml", ".hg/hgrc", ".hgrc", ".svn/auth/", ".subversion/auth/", ".bzr/auth/"],
    ],
  },
  registries: {
    files: [
      ...[".npmrc", ".yarnrc", ".yarnrc.yml", ".pypirc", "pip.conf", "pip.ini", ".condarc", ".gem/credentials"],
      ...[".bundle/config", ".cargo/credentials", ".cargo/credentials.toml", ".m2/settings.xml", ".mvn/settings.xml"],
      ...["settings-security.xml", ".gradle/gradle.properties", "nuget.config", "auth.json", "pypoetry/auth.toml"],
      ...[".sbt/.credentials", ".ivy2/.credentials", "pub-credentials.json", ".pub-cache/credentials.json", ".jfrog/"],
      ...[".hex/hex.config", "huggingface/token", ".huggingface/token", "kaggle.json"],
    ],
    except: TRANSLATIONS,
  },
  cloud: {
    files: [
      ...[".aws/config", ".aws/credentials", ".aws/sso/", ".aws/cli/", ".azure/accesstokens.json"],
      ...[".azure/azureprofile.json", ".azure/msal_token_cache.*", ".azure/service_principal*", ".config/gcloud/"],
      ...["application_default_credentials.json", "service-account*.json", "service_account*.json"],
      ...["serviceaccount*.json", "*-service-account.json", "*_service_account.json", "*firebase-adminsdk*.json"],
      ...["client_secret*.json", "gcloud-service-key.json", "gcp-key.json", "local.settings.json", ".boto", ".s3cfg"],
      ...[
        ".passwd-s3fs",
        ".ossutilconfig",
        ".oci/",
        ".bluemix/",
        "doctl/config.yaml",
        "hcloud/cli.toml",
        ".fly/config.yml",
      ],
      ...[".config/linode-cli", ".wrangler/config/", ".mc/config.json", "rclone.conf", ".rclone.conf", "rootkey.csv"],
      ...["*accesskeys.csv", "configstore/firebase-tools.json", ".netlify/config.json", "netlify/config.json"],
    ],
  },
  clusters: {
    files: [
      ...[".kube/config", ".kube/cache/", "kubeconfig", "kubeconfig.yaml", "kubeconfig.yml", "kubeconfig.json"],
      ...["*.kubeconfig", "*-kubeconfig", "*-kubeconfig.yaml", "*-kubeconfig.yml", "etc/kubernetes/*.conf", "k3s.yaml"],
      ...[".talos/config", "talosconfig", "helm/repositories.yaml", "helm/registry/config.json", ".rancher/"],
    ],
  },
  containers: { files: [".docker/config.json", ".dockercfg", ".dockerconfigjson", "containers/auth.json"] },
  terraform: {
    files: [
      ...["*.tfstate", "*.tfstate.backup", "*.tfstate.*.backup", ".terraform.tfstate.lock.info", "*.tfvars"],
      ...["*.tfvars.json", "*.tfplan", ".terraformrc", "terraform.rc", "credentials.tfrc.json", ".terraform.d/"],
      ...[".pulumi/credentials.json"],
    ],
    except: ["example.tfvars", "*.example.tfvars", "sample.tfvars", "*.sample.tfvars", "*.template.tfvars"],
  },
  databases: {
    files: [
      ...[".pgpass", "pgpass.conf", ".pg_service.conf", ".my.cnf", ".mylogin.cnf", ".cassandra/credentials"],
      ...["credentials-config.json", "ormconfig.json", ".mongorc.js", "wp-config.php"],
    ],
  },
  logins: {
    files: [
      ...[".netrc", "_netrc", ".authinfo", ".curlrc", ".wgetrc", ".htpasswd", "htpasswd", ".htdigest", "htdigest"],
      ...[".msmtprc", ".fetchmailrc", ".muttrc", ".mbsyncrc", ".offlineimaprc", "sasl_passwd", ".smbcredentials"],
      ...["sftp-config.json", ".vscode/sftp.json", ".ftpconfig", "filezilla.xml", "sitemanager.xml"],
      ...["recentservers.xml", ".vnc/passwd", ".xauthority", "*.nmconnection", "wpa_supplicant.conf", "cookies.txt"],
    ],
  },
  passwords: {
    files: [
      ...[
        ".password-store/",
        "*.kdbx",
        "*.kdb",
        "*.keychain",
        "*.keychain-db",
        "keyrings/*.keyring",
        "share/kwalletd/",
      ],
      ...["keyring_pass.cfg", ".vault-token", ".vault_token", ".vault_pass*", ".vault-pass*", "vault_pass.txt"],
      ...["vault-pass.txt", "vault_password", "vault-password", "vault_password.txt", "vault-password.txt"],
      ...[".ansible_vault*", ".config/op/", ".op/", ".1password/", "bitwarden cli/"],
    ],
  },
  secrets: {
    files: [
      ...[
        "credentials",
        ".credentials",
        "credentials.json",
        ".credentials.json",
        "credentials.toml",
        "credentials.ini",
      ],
      ...["credentials.csv", "credentials.yml", "credentials.yaml", "credentials.properties", "secret.json"],
      ...[
        "secrets.json",
        "secrets.toml",
        "secrets.ini",
        "secrets.yml",
        "secrets.yaml",
        "secrets.properties",
        ".secret",
      ],
      ...[".secrets", ".secrets.toml", ".secrets.json", ".secrets.yml", ".secrets.yaml", "local.properties"],
      ...["secret_key", ".secret_key", "secret_key_base", "signing.properties"],
    ],
    except: [...TRANSLATIONS, "templates/**"],
  },
  histories: {
    files: [
      ...[".*_history", "fish_history", "consolehost_history.txt", ".history", ".histfile", ".zhistory", ".lesshst"],
      ...[".viminfo", ".dbshell"],
    ],
  },
  browsers: {
    files: [
      ...[
        ".mozilla/",
        "firefox/profiles/*/*.json",
        ".config/google-chrome/",
        ".config/chromium/",
        "key3.db",
        "key4.db",
      ],
      ...[".config/bravesoftware/", ".config/microsoft-edge/", "logins.json", "cookies.sqlite", "login data"],
      ...["application support/google/chrome/", "google/chrome/user data/"],
    ],
  },
  system: { files: ["etc/shadow", "etc/shadow-", "etc/gshadow", "etc/gshadow-", "master.passwd", "opasswd"] },
} satisfies Record<string, WithheldGroup>;

export type GroupName = keyof typeof WITHHELD_GROUPS;
export const GROUP_NAMES = Object.keys(WITHHELD_GROUPS) as GroupName[];
