#!/usr/bin/env python3
"""Writes the header by which files are embedded as texts, in order: embed.py HEADER NAME FILE…"""
import os
import sys

header, name, files = sys.argv[1], sys.argv[2], sorted(sys.argv[3:])
with open(header, 'w') as out:
    for n, path in enumerate(files, 1):
        out.write('EMBED(%s_%03d, "%s")\n' % (name, n, os.path.abspath(path)))
    out.write('static const char *const %s[] = {%s};\n' % (name, ', '.join('%s_%03d' % (name, n) for n in range(1, len(files) + 1))))
