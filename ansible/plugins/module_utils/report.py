# GNU General Public License v2 (see LICENSE in the repository of ksplice-ts)
"""A rollout's journal for people: Markdown, and one page of HTML."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import time

HEAD = ('host', 'state', 'wave', 'before', 'after', 'seconds', 'stop (ms)', 'why not')
STYLE = ('body{font:14px sans-serif;margin:2em}table{border-collapse:collapse}td,th{border:1px solid #999;'
         'padding:2px 8px;text-align:left}.failed,.lost,.stuck,.unfit,.down{background:#fdd}.applied,.had{background:#dfd}')


def verdict(data):
    """The first sentence."""
    counts = {}
    for host in data['hosts'].values():
        counts[host['state']] = counts.get(host['state'], 0) + 1
    tally = ', '.join('%d %s' % (counts[word], word) for word in sorted(counts))
    if data['stopped']:
        return 'Stopped (%s): %s. %s.' % (data['stopped']['where'], data['stopped']['why'], tally)
    return 'Went through. %s.' % tally


def rows(data):
    """What failed comes first, then by wave and name."""
    order = ('stuck', 'failed', 'lost', 'unfit', 'down', 'begun')
    hosts = sorted(data['hosts'].items(), key=lambda one: (
        order.index(one[1]['state']) if one[1]['state'] in order else len(order), one[1]['wave'] or 0, one[0]))
    for name, host in hosts:
        seconds = '%.1f' % (host['ended'] - host['began']) if host.get('ended') and host.get('began') else ''
        stop = host.get('stop_ms')
        yield (name, host['state'], str(host['wave'] or ''), kernel(host.get('before')), kernel(host.get('after')),
               seconds, '' if stop is None else '%.2f' % stop, host['error'] or '')


def kernel(one):
    if not one or not one['version']:
        return ''
    return ' '.join([one['version']] + ['+' + update for update in one['updates']])


def stamp(at):
    return time.strftime('%Y-%m-%d %H:%M:%S UTC', time.gmtime(at)) if at else 'not yet'


def markdown(data):
    def cell(text):
        return ' '.join(text.replace('|', '\\|').split())
    lines = ['# Rollout of %s' % data['update'], '', verdict(data), '',
             'From %s to %s.' % (stamp(data['began']), stamp(data['ended'])), '',
             '| %s |' % ' | '.join(HEAD), '|' + '---|' * len(HEAD)]
    lines += ['| %s |' % ' | '.join(cell(one) for one in row) for row in rows(data)]
    return '\n'.join(lines) + '\n'


def html(data):
    def safe(text):
        return text.replace('&', '&amp;').replace('<', '&lt;').replace('>', '&gt;').replace('"', '&quot;')
    head = ''.join('<th>%s' % one for one in HEAD)
    body = '\n'.join('<tr class="%s">%s' % (safe(row[1]), ''.join('<td>%s' % safe(one) for one in row)) for row in rows(data))
    return ('<!doctype html><meta charset="utf-8"><title>Rollout</title><style>%s</style>\n<h1>Rollout of %s</h1>\n'
            '<p>%s<p>From %s to %s.\n<table><tr>%s\n%s\n</table>\n') % (
                STYLE, safe(data['update']), safe(verdict(data)), stamp(data['began']), stamp(data['ended']), head, body)
