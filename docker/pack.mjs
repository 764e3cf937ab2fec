import { cpSync, existsSync, mkdirSync, readdirSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

/** The run-time parts of a package besides its package.json: code, and assets. */
const PARTS = ["dist", "lua"];
/** Files in dist that only compilers use. */
const FOR_COMPILERS = /\.(d\.ts|tsbuildinfo)$/;

/**
 * Completes a production install: copies the build output of those of our packages that npm installed, and removes the
 * manifests of the others. npm alone decides which packages a service needs: those in `node_modules/@boocode`.
 * @param built a checkout after `npm run build`
 * @param install a folder after `npm ci --omit=dev --workspace @boocode/<service>`
 * @param service becomes `<install>/service`, so that every image has the same command
 * @returns the folders of the packed packages
 */
export function pack(built, install, service) {
  const scope = join(install, "node_modules", "@boocode");
  const packages = readdirSync(scope).map((name) => relative(realpathSync(install), realpathSync(join(scope, name))));
  for (const path of packages) {
    const parts = PARTS.filter((part) => existsSync(join(built, path, part)));
    if (!parts.includes("dist")) throw new Error(`${path} is not built: is it among the references of tsconfig.json?`);
    for (const part of parts) {
      const to = join(install, path, part);
      mkdirSync(dirname(to), { recursive: true });
      cpSync(join(built, path, part), to, { recursive: true, filter: (file) => !FOR_COMPILERS.test(file) });
    }
  }
  for (const group of ["libs", "services"]) {
    const folder = join(install, group);
    for (const name of existsSync(folder) ? readdirSync(folder) : []) {
      if (!packages.includes(join(group, name))) rmSync(join(folder, name), { recursive: true });
    }
  }
  if (service) symlinkSync(join("node_modules", "@boocode", service), join(install, "service"));
  return packages.sort();
}

// `node docker/pack.mjs INSTALL [SERVICE]`, run in a built checkout.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [install, service] = process.argv.slice(2);
  console.log(pack(dirname(dirname(fileURLToPath(import.meta.url))), install, service).join("\n"));
}
