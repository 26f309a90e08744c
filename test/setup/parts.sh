# The tests that take long, in parts: `npm run test:long` runs all of them, CI as many as it has time
# for. `npm test` keeps one test of each thing that the tool can do in a guest. Each line: its turn, the minutes that it takes on two cores that do nothing else with nothing
# cached, its name, and what it is:
#
#   only PROJECT FILE…    these test files, which `npm test` leaves out
#   more PROJECT FILE…    files of which `npm test` runs a part: all of them ($KSPLICE_TEST_LONG)
#   kernel NAME           the guest's tests on another kernel (kernels.sh)
#   run WORD…             test/run.sh WORD…
#
# Parts without a turn (-) come last, and only where the time has no limit: CI has none for them.
# The parts of one turn have to fit into what `npm test` leaves of the 80 minutes of a CI run: about 55.

parts() {
	cat <<-'END'
		1 11 boot           only vm test/vm/boot.test.ts
		1  3 rights         only vm test/vm/rights.test.ts
		1  8 faults         more vm test/vm/faults/faults.test.ts
		1  8 core           only vm test/vm/core/busy.test.ts test/vm/core/hooks.test.ts test/vm/core/late.test.ts test/vm/core/replacing.test.ts test/vm/core/room.test.ts test/vm/core/stacking.test.ts
		1  8 soak           run soak --cycles 96
		1  9 forms          more vm test/vm/dangling.test.ts test/vm/late.test.ts test/vm/other-tools.test.ts test/vm/sealed-keys.test.ts test/vm/tcp.test.ts
		1  2 reports        only vm test/vm/reports.test.ts
		1  2 switch-code    only vm test/vm/switch-code.test.ts
		1  2 watch          only vm test/vm/watch.test.ts
		1  2 damaged        more unit test/create/change/damaged-patches.test.ts
		2 14 kernel-next    kernel next
		2  9 forms-real     more real test/real/check.test.ts test/real/create.test.ts test/real/module.test.ts test/real/short-way.test.ts
		2  4 ways-in        only real test/real/ways-in.test.ts
		2 12 chaos          run chaos --minutes 7
		2  2 trust          only vm test/vm/trust.test.ts
		2  5 fuzz           run fuzz
		2  8 series         run series
		2  1 count          only vm test/vm/count.test.ts
		3 12 kernel-cloud   kernel cloud
		3 12 kernel-small   kernel self-built
		3 30 kernel-debug   kernel debug
		3  1 sets           only vm test/vm/set.test.ts
		-  8 chaos-short    only vm test/vm/chaos.test.ts
		-  5 soak-short     only vm test/vm/soak.test.ts
		-  5 packages       run packages
		-  5 fleet          run fleet test/fleet/rollout.test.ts test/fleet/collection.test.ts
		- 12 apt            only vm test/vm/apt.test.ts
		- 15 kernel-clang   kernel self-built-clang
	END
	# On that release its kernels are those of the other parts.
	[[ $(. /etc/os-release && printf %s "${VERSION_CODENAME-}") == trixie ]] || cat <<-'END'
		- 20 trixie         kernel trixie
		- 20 trixie-cloud   kernel trixie-cloud
		- 20 trixie-newest  kernel trixie-newest
	END
}

# left_out: the test files that `npm test` does not run.
left_out() { parts | awk '$4 == "only" { for (i = 6; i <= NF; i++) print $i }'; }
