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
# They walk the whole root, which is slow over 9p, and have nothing to do here.
for unit in systemd-tmpfiles-setup systemd-tmpfiles-setup-dev systemd-update-utmp systemd-hwdb-update ldconfig; do
	ln -s /dev/null "/run/systemd/system/$unit.service"
done
exec /usr/lib/systemd/systemd --system --unit=harness-agent.service --log-target=journal
