# Builds for 64-bit ARM on another machine: Debian's cross compiler, its libraries for arm64 (`tools/setup --neon`) and QEMU,
# which runs what the build makes and uses (rt_exprgen) and the tests.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64)
