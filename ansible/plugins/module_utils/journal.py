# GNU General Public License v2 (see LICENSE in the repository of ksplice-ts)
"""What a rollout remembers on the controller, and what it decides.

The journal is one JSON file. It is written before a wave begins and after it has ended, so that a
run whose controller died can go on, and still knows which hosts had the update before.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import json
import os
import time

# These states count as failures.
BAD = ('failed', 'lost', 'stuck')
# An exit status of `ksplice-ts status`.
UNHEALTHY = 12
# The next run leaves these alone; what a stop takes back is among those that this rollout has touched.
TOUCHED = ('begun', 'applied', 'failed', 'lost')


class Busy(Exception):
    """Another rollout is at work."""


def start_of(pid):
    """When a process began, in ticks since boot; None if there is none. Tells apart two with one number."""
    try:
        with open('/proc/%d/stat' % pid) as file:
            return file.read().rpartition(')')[2].split()[19]
    except (IOError, OSError):
        return None


def lock(directory, pid):
    """One rollout at a time in a directory. What a dead run left behind is taken over."""
    path = os.path.join(directory, 'lock')
    mine = '%d %s\n' % (pid, start_of(pid))
    for attempt in range(3):
        own = '%s.%d' % (path, os.getpid())
        with open(own, 'w') as file:
            file.write(mine)
        try:
            # A link appears with all its words, or not at all.
            os.link(own, path)
            return
        except OSError:
            other = holder(path)
            if other:
                raise Busy('another rollout is at work here: process %s holds %s' % (other, path))
            remove(path)
        finally:
            remove(own)
    raise Busy('%s cannot be taken' % path)


def holder(path):
    """The number of the living process that holds a lock."""
    try:
        with open(path) as file:
            pid, start = file.read().split()
    except (IOError, OSError, ValueError):
        return None
    return pid if start_of(int(pid)) == start else None


def unlock(directory, pid):
    path = os.path.join(directory, 'lock')
    if holder(path) == str(pid):
        remove(path)


def remove(path):
    try:
        os.unlink(path)
    except OSError:
        pass


def write(path, text):
    """The whole file or the old one."""
    with open(path + '.new', 'w') as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.rename(path + '.new', path)


def outcome(result):
    """What became of a task: (word, message). The word is none, lost, failed or good."""
    if not result or result.get('skipped'):
        return 'none', None
    if result.get('unreachable'):
        return 'lost', 'cannot be reached: %s' % str(result.get('msg', '')).strip()
    if result.get('failed'):
        return 'failed', str(result.get('msg', '')).strip() or 'failed without a word'
    return 'good', None


class Journal(object):
    """The state of one rollout. Each method is a step of it."""

    def __init__(self, directory):
        self.path = os.path.join(directory, 'journal.json')
        self.data = None

    def load(self):
        with open(self.path) as file:
            self.data = json.load(file)
        return self

    def save(self):
        write(self.path, json.dumps(self.data, indent=1, sort_keys=True) + '\n')

    def begin(self, update):
        """Goes on with a run that was cut off, or begins a new one."""
        try:
            self.load()
        except (IOError, OSError):
            pass
        old = self.data
        if old and old['ended'] is None and old['update'] == update:
            # A stop that had no time to take everything back does so now, before anything else.
            old['resumed'] += 1
            self.save()
            return
        if old:
            # Earlier ones are kept.
            os.rename(self.path, '%s.%d' % (self.path, int(old['began'] * 1000)))
        self.data = dict(update=update, began=time.time(), ended=None, resumed=0, stopped=None, waves=[], hosts={})
        self.save()

    def stop(self, where, why):
        if not self.data['stopped']:
            self.data['stopped'] = dict(where=where, why=why, at=time.time())

    def preflight(self, results, max_down):
        """results: for each host what its tasks said, first what it runs, last the proof.
        max_down: hosts that may be down, in percent."""
        hosts = self.data['hosts']
        for name, answers in results.items():
            host = hosts.setdefault(name, dict(state='waiting', wave=None, had=None, error=None))
            word, message = withdrawn(*answers) or worst(*answers)
            info = (answers[0] or {}).get('ksplice') or {}
            host['boot'] = info.get('boot')
            if word == 'good' and answers[-1]['id'] is None:
                host.update(state='not needed', error=None, before=summary(info))
            elif word == 'good':
                update = answers[-1]['id']
                running = update in summary(info)['updates']
                if host['had'] is None:
                    host.update(had=running, before=summary(info))
                host.update(id=update)
                if host['state'] in ('unfit', 'down', 'waiting', 'not needed'):
                    host.update(state='had' if host['had'] else 'waiting', error=None)
            elif host['wave'] is None:
                host.update(state='down' if word == 'lost' else 'unfit', error=message, before=summary(info))
            else:
                host.update(state='lost' if word == 'lost' else 'failed', error=message)
        unfit = sorted(name for name in results if hosts[name]['state'] == 'unfit')
        down = sorted(name for name in results if hosts[name]['state'] == 'down')
        if unfit:
            self.stop('preflight', 'the update does not fit %s' % some(unfit))
        elif 100.0 * len(down) > max_down * len(results):
            self.stop('preflight', 'cannot be reached: %s' % some(down))
        self.save()

    def wave_begin(self, title, names):
        """The hosts of this wave that are to be worked on; none if the rollout has stopped."""
        hosts = self.data['hosts']
        if self.data['stopped']:
            return []
        chosen = [name for name in names if hosts.get(name, {}).get('state') not in (None, 'down', 'unfit', 'not needed')]
        number = len(self.data['waves']) + 1
        for name in chosen:
            host = hosts[name]
            host.update(wave=number, began=time.time())
            if not host['had']:
                host['state'] = 'begun'
        self.data['waves'].append(dict(number=number, title=title, hosts=chosen, began=time.time(), ended=None, failed=[]))
        self.save()
        return chosen

    def wave_end(self, results, limit):
        """results: for each host its `applied` and `after`. limit: failures that are allowed, in percent."""
        for name, (applied, after) in results.items():
            host = self.data['hosts'][name]
            word, message = worst(applied, after)
            host['ended'] = time.time()
            if (applied or {}).get('stop_ms') is not None:
                host['stop_ms'] = applied['stop_ms']
            if after and after.get('ksplice'):
                host['after'] = summary(after['ksplice'])
            if word in ('failed', 'lost'):
                host.update(state=word, error=message)
            elif word == 'none':
                host.update(state='failed', error='nothing was heard of it')
            else:
                error = self.ailment(host, summary(after['ksplice']))
                state = 'failed' if error else 'had' if host['had'] else 'applied'
                host.update(state=state, error=error)
        self.judge(limit)

    @staticmethod
    def ailment(host, now):
        """What is wrong with a host that should run the update; None if nothing is."""
        if host['boot'] and now['boot'] != host['boot']:
            return 'it was booted meanwhile'
        if host['id'] not in now['updates']:
            return 'the update does not run any more'
        if now['health'] == UNHEALTHY and (host.get('before') or {}).get('health') != UNHEALTHY:
            return 'its health became bad: %s' % '; '.join(now['problems'])
        return None

    def confirm(self, results, gate, limit):
        """After the pause: whoever has lost the update meanwhile, or was booted, is a failure."""
        for name, confirmed in results.items():
            host = self.data['hosts'][name]
            word, message = outcome(confirmed)
            if host['state'] not in ('applied', 'had') or word == 'none':
                continue
            if word != 'good':
                host.update(state=word, error='after the pause: ' + message)
                continue
            now = summary(confirmed['ksplice'])
            error = self.ailment(host, now)
            if error:
                host.update(state='failed', error='after the pause: ' + error, after=now)
        word, message = outcome(gate)
        wave = self.data['waves'][-1]
        if word in ('failed', 'lost'):
            self.stop('gate after ' + wave['title'], 'the gate is shut: %s' % (gate.get('stderr') or message))
        self.judge(limit)

    def judge(self, limit):
        """Stops the rollout if more hosts of the last wave failed than may."""
        wave = self.data['waves'][-1]
        wave['failed'] = [name for name in wave['hosts'] if self.data['hosts'][name]['state'] in BAD]
        wave['ended'] = time.time()
        if 100.0 * len(wave['failed']) > limit * len(wave['hosts']):
            why = '%d of %d hosts failed: %s' % (len(wave['failed']), len(wave['hosts']), some(wave['failed']))
            self.stop(wave['title'], why)
        self.save()

    def back(self):
        """If the rollout was stopped: the hosts to take it back from, wave by wave, the newest first."""
        if not self.data['stopped']:
            return []
        return [
            [name for name in wave['hosts'] if self.data['hosts'][name]['wave'] == wave['number'] and self.mine(name)]
            for wave in reversed(self.data['waves'])
        ]

    def mine(self, name):
        host = self.data['hosts'][name]
        return host['had'] is False and host['state'] in TOUCHED

    def back_end(self, results):
        for name, result in results.items():
            host = self.data['hosts'][name]
            word, message = outcome(result)
            if word == 'good':
                # A host that failed keeps its name: the report says whose fault the stop was.
                host['back'] = time.time()
                if host['state'] in ('applied', 'begun'):
                    host['state'] = 'taken back'
            elif word != 'none':
                error = 'not taken back: %s' % message
                host.update(state='stuck', error='; '.join(one for one in (host['error'], error) if one))
        self.save()

    def end(self):
        self.data['ended'] = time.time()
        self.save()
        return self.data


def withdrawn(before, *others):
    """An update that hurt a host is not brought there again until somebody says so."""
    update = (others[-1] or {}).get('id')
    for one in ((before or {}).get('ksplice') or {}).get('updates') or []:
        if one['id'] == update and one.get('withdrawn'):
            return 'failed', 'update %s was %s; `ksplice-ts clear %s` on the host allows it again' % (
                update, one['withdrawn'], update)
    return None


def worst(*results):
    """The first of some tasks that did not succeed."""
    words = [outcome(one) for one in results]
    for word in ('lost', 'failed', 'none'):
        for one in words:
            if one[0] == word:
                return one
    return 'good', None


def summary(info):
    """What the report says of a host's kernel; everything is None or empty of one that gave no answer."""
    health = info.get('health') or {}
    return dict(release=(info.get('kernel') or {}).get('release'), version=info.get('effectiveVersion'),
                boot=info.get('boot'), health=info.get('status_code'),
                updates=[one['id'] for one in info.get('updates') or [] if one['isInForce']],
                problems=[one['message'] for one in health.get('problems') or []])


def some(names, most=10):
    """A list for a sentence."""
    rest = len(names) - most
    return ', '.join(names[:most]) + (' and %d more' % rest if rest > 0 else '')
