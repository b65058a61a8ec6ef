"""Fails on an #include that the architecture does not allow (docs/architecture.md, the house).

    python3 tools/check_layers.py [ROOT]

Every folder of src/ has the folders below it that it may use, directly or through them. A folder that is not in the
table fails: put it there together with its first code.
"""

import pathlib
import re
import sys

# folder -> folders it stands on. What those stand on is allowed too.
BELOW = {
    "base": [],
    "core": ["base"],
    "memory": ["base", "core"],
    "expr": ["base"],
    "iter": ["core"],
    "backend": ["core", "memory", "expr"],
    "backend/cpu": ["backend", "iter", "expr", "memory"],
    "backend/kernels": ["backend", "expr", "iter"],
    "backend/cuda": ["backend/kernels", "memory"],
    "backend/opencl": ["backend/kernels", "memory"],
    "backend/metal": ["backend/kernels", "memory"],
    "backend/webgpu": ["backend/kernels", "memory"],
    "ops": ["core", "memory", "backend", "iter"],
    "autograd": ["ops"],
    "transform": ["autograd"],
    "jit": ["ops", "expr", "autograd"],
    # Leaf modules and libraries: public headers and what is named here.
    "formats": ["base", "core", "backend", "api"],
    "nn": ["api"],
    "optim": ["api"],
    "distributions": ["api"],
    "data": ["api"],
    "quant": ["ops"],
    "sparse": ["ops"],
    "distributed": ["api", "base"],
    "serving": ["api", "base"],
    "export": ["api", "base"],
    "profiler": ["api", "base"],
}

# Which layer a public header belongs to; any other header of include/rustorch is the user's API ("api"), which stands
# on everything from core up and may be used by whatever is not below it.
PUBLIC = {
    "base": "error array_ref result half generator random warn threads",
    "core": "dtype qscheme device scalar layout tensor_base options tensor storage autograd_meta version call_observer",
    "memory": "memory",
}
# Headers that belong to another layer than their folder says.
PLACED = {
    "backend/cpu/chunk_kernel.h": "backend",  # the form of a pointwise kernel, plain declarations
    # The recording interface that operator code, generated or not, calls; the engine behind it stays above.
    "autograd/record.h": "ops",
    "autograd/meta.h": "ops",
    "autograd/node.h": "ops",
    "autograd/saved.h": "ops",
    "autograd/transform_call.h": "ops",
    "autograd/transform_values.h": "ops",
    "backend/opencl/opencl_backend.h": "backend",  # likewise
    "backend/cuda/cuda_backend.h": "backend",
    "backend/cpu/cpu_backend.h": "backend",  # declares how to make the backend, for the table of backends
}
NOT_API_USERS = {"base", "core", "memory", "expr", "iter"}

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def layer_of_source(path):
    """The layer that a file of src/ belongs to, or None."""
    if str(path) in PLACED:
        return PLACED[str(path)]
    parts = path.parts[:-1]
    for n in range(len(parts), 0, -1):
        name = "/".join(parts[:n])
        if name in BELOW:
            return name
    return None


def layer_of_public(name):
    for layer, stems in PUBLIC.items():
        if pathlib.PurePosixPath(name).stem in stems.split():
            return layer
    return "api"


def reachable(layer):
    seen, todo = {layer}, [layer]
    while todo:
        for below in BELOW.get(todo.pop(), []):
            if below not in seen:
                seen.add(below)
                todo.append(below)
    return seen


def check(root):
    source = root / "src"
    errors = []
    for path in sorted(source.rglob("*")):
        if path.suffix not in {".h", ".cc", ".cpp", ".cu", ".inc"}:
            continue
        relative = path.relative_to(source)
        layer = layer_of_source(relative)
        if layer is None:
            errors.append(f"src/{relative}: its folder is not in the table of tools/check_layers.py")
            continue
        allowed = reachable(layer)
        for match in INCLUDE.finditer(path.read_text(encoding="utf-8", errors="replace")):
            target = match.group(1)
            if target.startswith("rustorch/"):
                wanted = layer_of_public(target)
                if layer not in NOT_API_USERS:
                    continue
            else:
                wanted = layer_of_source(pathlib.PurePosixPath(target))
                if wanted is None:
                    continue  # a library's header, or one that the build generates
            if wanted not in allowed:
                line = path.read_text(encoding="utf-8", errors="replace")[: match.start()].count("\n") + 1
                errors.append(f'src/{relative}:{line}: {layer} may not include "{target}" ({wanted})')
    for path in sorted((root / "include").rglob("*.h")):
        for match in INCLUDE.finditer(path.read_text(encoding="utf-8", errors="replace")):
            if not match.group(1).startswith("rustorch/"):
                errors.append(f'{path.relative_to(root)}: a public header may not include "{match.group(1)}"')
    return errors


def without_readme(root):
    """Folders of src/ that hold sources and no README.md."""
    folders = {path.parent for path in (root / "src").rglob("*.cc")}
    return [f"{f.relative_to(root)}: has no README.md" for f in sorted(folders) if not (f / "README.md").is_file()]


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent.parent)
    errors, bare = check(root), without_readme(root)
    for error in errors + bare:
        print(error)
    print(f"layers: {len(errors)} forbidden includes")
    return 1 if errors or bare else 0


if __name__ == "__main__":
    sys.exit(main())
