#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""pg-suite-causes.py DIRECT ENGINE FILE: why the results of PostgreSQL's regression suite differ.

A statement that the engine refuses makes others differ that build upon it. So what counts is why statements were refused
that were not refused directly: each such message, without the names in it, is a cause. FILE gets all of them with the tests
they are in. What differs in a test without any refusal in it is told by itself."""
import collections
import difflib
import pathlib
import re
import sys

OURS = re.compile(
	r'may not be|is not allowed here|is not understood|not known to depend|cannot be changed here|may carry|is there already, in schema|'
	r'cannot be read|not read in time|in use by another session|connect again|does not come|before the last|masked|pgveil')


def general(message):
	message = re.sub(r'"[^"]*"', '"…"', message)
	message = re.sub(r'\b[a-z_0-9]+\.[a-z_0-9]+\b', '….…', message)
	return re.sub(r'(called|schema) \S+', r'\1 …', message)


def added(direct, engine):
	for line in difflib.unified_diff(direct, engine, lineterm='', n=0):
		if line.startswith('+') and not line.startswith('+++'):
			yield line[1:]


def removed(direct, engine):
	return sum(1 for l in difflib.unified_diff(direct, engine, lineterm='', n=0) if l[:1] == '-' and l[:3] != '---')


def main():
	direct, engine = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
	causes, alone, same, total = collections.defaultdict(collections.Counter), [], 0, 0
	lines = differing = 0
	for f in sorted(direct.glob('*.out')):
		total += 1
		a = f.read_text('utf-8', 'replace').splitlines()
		g = engine / f.name
		b = g.read_text('utf-8', 'replace').splitlines() if g.exists() else ['(did not run)']
		lines += len(a)
		if a == b:
			same += 1
			continue
		differing += removed(a, b)
		ours = [l for l in added(a, b) if re.match(r'(psql:.*)?(ERROR|FATAL):', l) and OURS.search(l)]
		for l in ours:
			causes[general(re.sub(r'^.*?(ERROR|FATAL): +', '', l))][f.stem] += 1
		if not ours:
			alone.append(f.stem)
	with open(sys.argv[3], 'w', encoding='utf-8') as out:
		for cause, tests in sorted(causes.items(), key=lambda c: -sum(c[1].values())):
			print(f'{sum(tests.values()):6} {cause}\n         {" ".join(f"{t}:{n}" for t, n in tests.most_common())}', file=out)
		print('without a refusal:', ' '.join(alone), file=out)
	print(f'masked: {total} tests, the same result through the engine in {same}; of {lines} lines {lines - differing} the same')
	for cause, tests in sorted(causes.items(), key=lambda c: -sum(c[1].values())):
		print(f'  {sum(tests.values()):6} in {len(tests):3} tests: {cause}')
	if alone:
		print(f'  no refusal in: {" ".join(alone)}')
	return 0 if total and same == total else 1


if __name__ == '__main__':
	sys.exit(main())
