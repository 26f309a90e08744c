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
exec /usr/lib/systemd/systemd --system --unit=harness-agent.service --log-target=journal
