# Node itself and what npm brings.

require_node() {
	command -v node >/dev/null && command -v npm >/dev/null ||
		die 'Node 20 and npm are needed, and not found in PATH.'
	node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 11) ? 0 : 1)' ||
		die "Node 20.11 or newer is needed; this is $(node --version)."
}

# npm writes node_modules/.package-lock.json last, so its age is that of a complete installation.
install_node_modules() {
	[[ node_modules/.package-lock.json -nt package-lock.json ]] && return 0
	say 'Installing the npm modules of package-lock.json into node_modules (npm ci).'
	logged 'npm ci' npm ci --include=dev --no-audit --no-fund
}

build_tool() {
	logged 'npm run build' npm run --silent build
	# Guests run it with these options (test/vm/ksplice.ts), for which V8 wants code of their own.
	logged 'compiling for guests' node --no-opt --no-sparkplug --regexp-interpret-all bin/bundle.mjs
}
