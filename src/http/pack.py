#!/usr/bin/env python3
"""Pack the portal's built files, each gzipped, into a C table (http/static.h)."""
import gzip
import os
import sys

TYPES = {'.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml',
         '.png': 'image/png', '.woff2': 'font/woff2', '.json': 'application/json', '.md': 'text/markdown; charset=utf-8', '.ico': 'image/x-icon', '.txt': 'text/plain; charset=utf-8'}


def main(folder, output):
    rows, arrays = [], []
    for root, _, names in sorted(os.walk(folder)):
        for name in sorted(names):
            path = os.path.join(root, name)
            url = '/' + os.path.relpath(path, folder).replace(os.sep, '/')
            with open(path, 'rb') as f:
                data = gzip.compress(f.read(), 9, mtime=0)
            arrays.append('static const unsigned char f%d[] = {%s};' % (len(rows), ','.join(map(str, data))))
            kind = TYPES.get(os.path.splitext(name)[1], 'application/octet-stream')
            rows.append('{"%s", "%s", f%d, sizeof f%d},' % (url, kind, len(rows), len(rows)))
    text = '\n'.join(['#include "http/static.h"', *arrays, 'const struct static_file static_files[] = {', *rows, '{0}};', ''])
    if os.path.exists(output) and open(output).read() == text:
        return
    with open(output, 'w') as f:
        f.write(text)


main(sys.argv[1], sys.argv[2])
