"""The machine, the versions, and the size of the library."""
import datetime
import json
import os
import platform
import re
import subprocess

from runs import BUILD, ROOT

SIZES = {'with HTTP': 'http', 'without HTTP': 'nohttp'}


def output(*command, cwd=ROOT):
    """What a command says; empty if it cannot be run."""
    try:
        return subprocess.run([str(part) for part in command], text=True,
                              cwd=cwd, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL).stdout.strip()
    except FileNotFoundError:
        return ''


def first_match(pattern, text):
    found = re.search(pattern, text, re.MULTILINE)
    return found[1].strip() if found else 'unknown'


def read(path):
    with open(path) as file:
        return file.read()


def size_of(folder):
    """KiB of what `size` calls text: code, constants and unwind tables; and
    the code alone."""
    library = next((BUILD / folder / 'src').glob('liboptly_event.so.*.*'))
    stripped = BUILD / folder / 'stripped.so'
    output('strip', '-o', stripped, library)
    text = int(output('size', stripped).splitlines()[1].split()[0])
    code = int(first_match(r'^\.text\s+(\d+)', output('size', '-A', stripped)))
    return text / 1024, code / 1024


def sizes():
    facts = {}
    for level in ('O2', 'Os'):
        for name, suffix in SIZES.items():
            text, code = size_of(f'size-{level}-{suffix}')
            facts[f'text_kib_{level}_{name}'] = text
            facts[f'code_kib_{level}_{name}'] = code
    return facts


def peers(missing):
    versions = {}
    if 'go' not in missing:
        module = read(ROOT / 'bench/peers/go/go.mod')
        versions['Go'] = output('go', 'env', 'GOVERSION').lstrip('go')
        versions['Go SDK'] = first_match(r'go-sdk/v2 v(\S+)', module)
    if 'node' not in missing:
        package = BUILD / 'node/node_modules/@optimizely/optimizely-sdk'
        versions['Node.js'] = output('node', '--version').lstrip('v')
        versions['Node SDK'] = json.loads(
            read(package / 'package.json'))['version']
    return versions


def gather(missing):
    cpu = read('/proc/cpuinfo')
    memory = int(first_match(r'^MemTotal:\s+(\d+)', read('/proc/meminfo')))
    versions = {
        'gcc': output('gcc', '-dumpfullversion'),
        'glibc': platform.libc_ver()[1],
        'libcurl': output('pkg-config', '--modversion', 'libcurl'),
        'cJSON': output('pkg-config', '--modversion', 'libcjson'),
    }
    versions.update(peers(missing))
    return {
        'date': datetime.date.today().isoformat(),
        'commit': output('git', 'describe', '--always', '--dirty'),
        'cpu': first_match(r'^model name\s*:\s*(.*)', cpu),
        'cpus': os.cpu_count(),
        'memory_gib': round(memory / 1024 ** 2),
        'kernel': platform.release(),
        'system': first_match(r'^PRETTY_NAME="?([^"\n]*)',
                              read('/etc/os-release')),
        'versions': versions,
        **sizes(),
    }
