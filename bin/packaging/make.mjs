// Makes the packages of the tool from what `npm run build` made: two for Debian, and one for npm.
// docs/design.md, "The packages", says what is in which. Usage: make.mjs [DIRECTORY]; "packages" if
// not given. The time in them is SOURCE_DATE_EPOCH, or that of the last commit.

import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { bashCompletion, zshCompletion } from '../../dist/cli/completion.js';
import { unitText } from '../../dist/install/unit.js';
import { buildPackage } from '../../dist/package/deb.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const output = path.resolve(process.argv[2] ?? path.join(ROOT, 'packages'));
const { version } = JSON.parse(read('package.json'));
const MAINTAINER = process.env.DEBFULLNAME
  ? `${process.env.DEBFULLNAME} <${process.env.DEBEMAIL}>`
  : 'ksplice-ts <ksplice-ts@example.org>';
const LIB = 'usr/lib/ksplice-ts';
const time = Number(process.env.SOURCE_DATE_EPOCH ?? git('log', '-1', '--format=%ct'));

mkdirSync(output, { recursive: true });
const { signal } = new AbortController();
for (const one of [await hostPackage(), makerPackage()]) {
  console.log(await buildPackage(one, output, signal));
}
const npm = ['pack', '--silent', '--pack-destination', output];
console.log(path.join(output, execFileSync('npm', npm, { cwd: ROOT, encoding: 'utf8' }).trim()));

/** All that a host needs, and what both share. */
async function hostPackage() {
  const command = ['/usr/bin/node', `/${LIB}/bin/ksplice-ts.js`];
  const files = new Map([
    ['usr/bin/ksplice-ts', { link: '../lib/ksplice-ts/bin/ksplice-ts.js' }],
    [`${LIB}/package.json`, { data: read('package.json') }],
    [`${LIB}/bin/ksplice-ts.js`, { data: started(), program: true }],
    ['usr/share/man/man1/ksplice-ts.1.gz', packed(read('man/ksplice-ts.1'))],
    ['usr/share/bash-completion/completions/ksplice-ts', { data: await bashCompletion() }],
    ['usr/share/zsh/vendor-completions/_ksplice-ts', { data: await zshCompletion() }],
    ...['load-bundle.js', 'compile-bundle.js', 'package.json'].map((name) => asIs(`bin/${name}`)),
    asIs('dist/ksplice-ts-host.cjs'),
  ]);
  for (const name of readdirSync(path.join(ROOT, 'templates'))) {
    if (!isUnit(name)) continue;
    // `install` would write the same, and leaves it to the package where it finds it.
    const unit = unitText(read(`templates/${name}`), command);
    files.set(`usr/lib/systemd/system/${name}`, { data: unit });
    files.set(...asIs(`templates/${name}`));
  }
  files.set('etc/needrestart/conf.d/ksplice-ts.conf', {
    data: read('bin/packaging/ksplice-ts-host.needrestart'),
  });
  return debian('ksplice-ts-host', files, {
    Depends: 'nodejs (>= 20), kmod',
    Recommends: 'openssh-client',
    Suggests: 'ksplice-ts',
    Description: `Hot patches for running Linux kernels: what a host needs
 ksplice-ts changes the code of a running kernel without a reboot, and proves
 before that the code is what the update was made for.
 .
 This package applies, shows, undoes and installs updates, checks whether one
 fits, and captures a kernel. The package ksplice-ts makes updates.`,
  });
}

/** What only those need who make updates. */
function makerPackage() {
  const decoder = 'node_modules/iced-x86';
  const files = new Map([
    asIs('dist/ksplice-ts.cjs'),
    ...['package.json', 'iced_x86.js', 'iced_x86_bg.wasm'].map((name) =>
      asIs(`${decoder}/${name}`),
    ),
    ...below('kmodsrc').map(asIs),
    ...below('templates')
      .filter((name) => !isUnit(name))
      .map(asIs),
    ...below('docs').map((name) => [`usr/share/doc/ksplice-ts/${name}`, { data: read(name) }]),
  ]);
  return debian('ksplice-ts', files, {
    Depends: `ksplice-ts-host (= ${version}), make, gcc, binutils, patch, git, perl, dpkg-dev`,
    Description: `Hot patches for running Linux kernels: making them
 ksplice-ts changes the code of a running kernel without a reboot, and proves
 before that the code is what the update was made for.
 .
 This package makes updates from source patches, and packages from updates.`,
  });
}

function debian(name, files, more) {
  const docs = `usr/share/doc/${name}`;
  const day = new Date(time * 1000).toUTCString().replace('GMT', '+0000');
  const changes = `${name} (${version}) unstable; urgency=medium\n\n  * This version of the tool; its news are in CHANGELOG.md.\n\n -- ${MAINTAINER}  ${day}\n`;
  files.set(`${docs}/changelog.gz`, packed(changes));
  files.set(`${docs}/copyright`, { data: read('bin/packaging/copyright') });
  const overrides = readOrNothing(`bin/packaging/${name}.lintian-overrides`);
  if (overrides) files.set(`usr/share/lintian/overrides/${name}`, { data: overrides });
  const scripts = {};
  for (const script of ['preinst', 'postinst', 'prerm', 'postrm']) {
    const text = readOrNothing(`bin/packaging/${name}.${script}`);
    if (text) scripts[script] = text;
  }
  const bytes = [...files.values()].reduce((sum, { data = '' }) => sum + data.length, 0);
  const control = {
    Package: name,
    Version: version,
    Architecture: 'all',
    Maintainer: MAINTAINER,
    'Installed-Size': String(Math.ceil(bytes / 1024)),
    Section: 'kernel',
    Priority: 'optional',
    ...more,
  };
  return { control, files, scripts, time };
}

function isUnit(name) {
  return /\.(service|timer)$/.test(name);
}

/** Debian's own Node, and no other of the same name. */
function started() {
  return read('bin/ksplice-ts.js').replace(/^#!.*/, '#!/usr/bin/node');
}

function packed(text) {
  return { data: gzipSync(text, { level: 9 }) };
}

function asIs(name) {
  return [`${LIB}/${name}`, { data: readFileSync(path.join(ROOT, name)) }];
}

function below(directory) {
  return readdirSync(path.join(ROOT, directory), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(ROOT, path.join(entry.parentPath ?? entry.path, entry.name)))
    .sort();
}

function read(name) {
  return readFileSync(path.join(ROOT, name), 'utf8');
}

function readOrNothing(name) {
  try {
    return read(name);
  } catch {
    return undefined;
  }
}

function git(...args) {
  return execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).trim();
}
