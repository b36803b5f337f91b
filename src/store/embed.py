#!/usr/bin/env python3
"""Writes the header by which migrate.c embeds the migrations, in order: embed.py HEADER FILE…"""
import os
import sys

header, files = sys.argv[1], sorted(sys.argv[2:])
with open(header, 'w') as out:
    for n, path in enumerate(files, 1):
        out.write('MIGRATION(migration_%03d, "%s")\n' % (n, os.path.abspath(path)))
    out.write('static const char *const migrations[] = {%s};\n' % ', '.join('migration_%03d' % n for n in range(1, len(files) + 1)))
