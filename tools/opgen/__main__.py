"""opgen: ops/*.ops -> C++ declarations, wrappers, gradient nodes, kernel requests, Python tables and stubs.

python tools/opgen --ops ops --out build/gen        writes what changed
python tools/opgen --ops ops --check                parses and checks only
python tools/opgen --ops ops --explain gelu         prints all that an entry gives
"""

import argparse
import glob
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from emit_cpp import (  # noqa: E402
    BANNER,
    emit_header_list,
    emit_impl_header,
    emit_kernel_ids,
    emit_methods,
    emit_ops_header,
    emit_own_header,
    emit_requests,
    emit_shard,
)
from emit_python import emit_bindings, emit_index, emit_stub, groups  # noqa: E402
from emit_transform import emit_transform_table  # noqa: E402
from explain import explain  # noqa: E402
from families import check  # noqa: E402
from grammar import OpsError, parse_file  # noqa: E402


def write(path, text):
    """Writes only what changed, so that nothing is rebuilt for nothing."""
    try:
        with open(path, encoding="utf-8") as f:
            if f.read() == text:
                return
    except FileNotFoundError:
        pass
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def load(folder):
    files, ops = sorted(glob.glob(os.path.join(folder, "*.ops"))), []
    shards = {}
    for path in files:
        shard = os.path.splitext(os.path.basename(path))[0]
        shards[shard] = parse_file(path, f"ops/{shard}.ops")
        ops += shards[shard]
    check(ops)
    return shards, ops


def generate(shards, ops, out):
    write(f"{out}/include/rustorch/gen/ops.h", emit_ops_header(ops))
    decl, body, apart = emit_methods(ops)
    write(f"{out}/include/rustorch/gen/tensor_methods.h", decl)
    write(f"{out}/include/rustorch/gen/tensor_methods_inl.h", body)
    write(f"{out}/gen/impl.h", emit_impl_header(ops))
    own = sorted({op.header for op in ops if op.header})
    for header in own:
        write(f"{out}/include/rustorch/{header}.h", emit_own_header(ops, header))
        write(f"{out}/gen/impl_{header}.h", emit_impl_header(ops, header))
    write(f"{out}/include/rustorch/gen/headers.h", emit_header_list(own))
    write(f"{out}/gen/kernels.txt", emit_requests(ops))
    write(f"{out}/gen/kernel_ids.cc", emit_kernel_ids(ops))
    write(f"{out}/gen/transform_table.cc", emit_transform_table(ops, BANNER))
    table = groups(ops)
    first = {}
    for name, overloads in table.items():
        first.setdefault(overloads[0][0].place.split(":")[0], {})[name] = overloads
    for shard, entries in shards.items():
        source = f"ops/{shard}.ops"
        write(f"{out}/gen/ops_{shard}.cc", emit_shard(entries, source, apart.get(source, "")))
        write(f"{out}/python/ops_{shard}.cc", emit_bindings(entries, source, first.get(source, {})))
    write(f"{out}/python/ops_index.cc", emit_index(list(shards), ops))
    functions, methods = emit_stub(ops, ())
    write(f"{out}/python/functions.pyi", functions)
    write(f"{out}/python/methods.pyi", methods)


def main():
    parser = argparse.ArgumentParser(
        prog="opgen", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ops", required=True, help="folder of the .ops files")
    parser.add_argument("--out", help="folder for what is generated")
    parser.add_argument("--check", action="store_true", help="parse and check only")
    parser.add_argument("--explain", metavar="OP", help="print all that an entry gives")
    args = parser.parse_args()
    try:
        shards, ops = load(args.ops)
        if args.explain:
            sys.stdout.write(explain(ops, args.explain))
        elif args.check:
            print(f"{len(ops)} entries in {len(shards)} files: no mistakes")
        elif args.out:
            generate(shards, ops, args.out)
    except OpsError as e:
        print(e, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
