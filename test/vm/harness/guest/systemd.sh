# Makes systemd the first process of the guest, with the agent as a service that
# starts when the system is up as far as sysinit.target.

mkdir -p /run/systemd/system
cat >/run/systemd/system/harness-agent.service <<EOF
[Unit]
DefaultDependencies=no
Requires=sysinit.target
After=sysinit.target

[Service]
Environment=PATH=$PATH HOME=$HOME LANG=$LANG UV_THREADPOOL_SIZE=8
ExecStart=$node $harness/guest/agent.mjs
EOF
# A test may go on in a system of its own, on a disk; what the agent is made of is still the host's.
if [[ -e /run/test/root ]]; then
	root=$(</run/test/root)
	mkdir /run/host
	mount --bind / /run/host
	sed -i "s|^ExecStart=.*|ExecStart=/run/host$node /run/host$harness/guest/agent.mjs|" /run/systemd/system/harness-agent.service
	exec switch_root "$root" /usr/lib/systemd/systemd --system --unit=harness-agent.service --log-target=journal
fi
# They walk the whole root, which is slow over 9p, and have nothing to do here.
for unit in systemd-tmpfiles-setup systemd-tmpfiles-setup-dev systemd-update-utmp systemd-hwdb-update ldconfig; do
	ln -s /dev/null "/run/systemd/system/$unit.service"
done
exec /usr/lib/systemd/systemd --system --unit=harness-agent.service --log-target=journal
