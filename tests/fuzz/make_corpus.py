"""Makes the fuzzer's first corpus from the golden files:  python tests/fuzz/make_corpus.py FOLDER"""

import pathlib
import sys
import zipfile

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "golden" / "formats"
PARSERS = {".pt": 0, ".safetensors": 2, ".npy": 3, ".npz": 4}


def main():
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    for path in sorted(GOLDEN.iterdir()):
        if path.suffix not in PARSERS:
            continue
        (out / path.name).write_bytes(bytes([PARSERS[path.suffix]]) + path.read_bytes())
        if path.suffix == ".pt" and zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as z:
                pickle = next(n for n in z.namelist() if n.endswith("data.pkl"))
                (out / f"{path.name}.pkl").write_bytes(b"\x01" + z.read(pickle))


if __name__ == "__main__":
    main()
