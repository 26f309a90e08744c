"""Stands for ksplice-ts on a host that does not exist: stub-tool.py DIR HOST COMMAND…

DIR/table.json says how the host behaves: {"HOST": {"fits": …, "apply": …, "after": …, "needs": …, "withdrawn": …, "delay": seconds}}.
DIR/state/HOST holds the ids that are applied; DIR/calls has a line for each command that changes something.
"""
import json
import os
import sys
import time

directory, host, command, *words = sys.argv[1:]
ID = 'stubbed1'
table = {}
if os.path.exists(directory + '/table.json'):
    with open(directory + '/table.json') as file:
        table = json.load(file)
does = table.get(host, {})
state = os.path.join(directory, 'state', host)


def answer(code=0, **values):
    print(json.dumps(dict(ok=code == 0 or command == 'status', **values)))
    sys.exit(code)


def refuse(code, message):
    answer(1, error=dict(code=code, message=message, advice=None, details=None))


def note(what):
    with open(directory + '/calls', 'a') as file:
        file.write('%s %s\n' % (what, host))


if '--help' in words:
    print('ksplice-ts %s\n  --watch --probe --max-stop' % command)
    sys.exit(0)
applied = os.path.exists(state)
there = applied and does.get('after') != 'gone'
updates = [dict(id=ID, stage='applied', isInForce=True, waiting=[], on=[], description='a stub')] if there else []
if does.get('withdrawn'):
    updates = [dict(id=ID, stage=None, isInForce=False, withdrawn='withdrawn (now): a probe failed')]
if command == 'view' and '--file' in words:
    answer(id=ID)
elif command == 'view':
    answer(updates=updates)
elif command == 'list':
    answer(updates=[])
elif command == 'status':
    bad = applied and does.get('after') == 'unhealthy'
    answer(12 if bad else 0, kernel=dict(release='6.1'), effectiveVersion='6.1+ksplice' if there else '6.1', updates=updates,
           health=dict(problems=[dict(message='the kernel has complained')] if bad else []),
           verdict='unhealthy' if bad else 'good')
elif command == 'inspect':
    answer(id=ID, targets=[dict(target='vmlinux', parts=[dict(name='stub_function')])])
elif command == 'check':
    if does.get('fits') is False:
        refuse('wrong-kernel', 'the update was made for another build of the kernel')
    if does.get('needs') is False:
        answer(id=None, changed=False, needed=False)
    answer(id=ID, kernel='stub', release='6.1', targets=[])
elif command == 'apply':
    time.sleep(does.get('delay', 0))
    if '--dry-run' in words:
        answer(id=ID, changed=False, stage=None, dryRun=True, timing=dict(window_ns=100000))
    if does.get('apply') == 'refused':
        note('refused')
        refuse('probe-failed', 'the probe failed; the update was taken back')
    if not applied:
        note('apply')
        open(state, 'w').close()
    answer(id=ID, changed=not applied, stage='applied', timing=dict(window_ns=250000))
elif command == 'undo':
    note('undo')
    os.unlink(state)
    answer(id=ID, changed=True, timing=dict(window_ns=250000))
else:
    refuse('usage', 'the stub has no ' + command)
