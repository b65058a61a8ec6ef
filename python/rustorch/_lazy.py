"""Names of the package whose modules load on first use: `NAMES` by module, and the submodules themselves.

tools/make_stubs.py reads this file too, so both are plain literals.
"""

NAMES = {
    "serialization": "save load PyTorchFileReader",
    "nn": "Module",
    "_quantized": (
        "per_channel_affine per_channel_affine_float_qparams per_channel_symmetric per_tensor_affine per_tensor_symmetric "
        "qscheme"
    ),
    "amp": "autocast GradScaler",
    "amp._state": (
        "is_autocast_enabled set_autocast_enabled get_autocast_dtype set_autocast_dtype is_autocast_cpu_enabled "
        "set_autocast_cpu_enabled get_autocast_cpu_dtype set_autocast_cpu_dtype get_autocast_gpu_dtype "
        "set_autocast_gpu_dtype is_autocast_cache_enabled set_autocast_cache_enabled clear_autocast_cache "
        "autocast_increment_nesting autocast_decrement_nesting is_autocast_ipu_enabled set_autocast_ipu_enabled "
        "get_autocast_ipu_dtype set_autocast_ipu_dtype is_autocast_xla_enabled set_autocast_xla_enabled "
        "get_autocast_xla_dtype set_autocast_xla_dtype"
    ),
    "errors": "FatalError OutOfMemoryError",
    "func": "vmap",
    "futures": "Future",
    "_script.types": (
        "Type TensorType AnyType IntType FloatType BoolType ComplexType StringType NumberType NoneType DeviceObjType StreamObjType "
        "PyObjectType SymIntType SymBoolType"
    ),
    "_script.types_nested": (
        "ListType OptionalType DictType TupleType UnionType FutureType AwaitType RRefType EnumType InferredType"
    ),
    "_script.schema": "Argument FunctionSchema",
    "_script.tags": "Tag",
    "_script.containers": (
        "JITException ScriptDict ScriptDictIterator ScriptDictKeyIterator ScriptList ScriptListIterator"
    ),
    "_script.dispatch": "DispatchKey DispatchKeySet ExcludeDispatchKeyGuard",
    "_script.filecheck": "FileCheck",
    "_script.loggers": "AVG SUM AggregationType LockingLogger LoggerBase NoopLogger",
    "_archive": "PyTorchFileWriter",
    "_parts": (
        "PRIVATE_OPS TYPE_CHECKING USE_GLOBAL_DEPS USE_RTLD_GLOBAL_WITH_LIBTORCH classproperty get_file_path "
        "prepare_multiprocessing_environment _assert"
    ),
    "_script.throughput": "BenchmarkConfig BenchmarkExecutionStats ThroughputBenchmark",
    "overrides": "DisableTorchFunction DisableTorchFunctionSubclass",
    "cuda": "Event Stream",
    "random": "fork_rng thread_safe_generator",
    "storage": (
        "UntypedStorage TypedStorage DoubleStorage FloatStorage HalfStorage BFloat16Storage LongStorage IntStorage "
        "ShortStorage CharStorage ByteStorage BoolStorage ComplexFloatStorage ComplexDoubleStorage "
        "QInt8Storage QUInt8Storage QInt32Storage QUInt4x2Storage QUInt2x4Storage Storage StorageBase"
    ),
    "_legacy": (
        "DoubleTensor FloatTensor HalfTensor BFloat16Tensor LongTensor IntTensor ShortTensor CharTensor ByteTensor "
        "BoolTensor set_default_tensor_type"
    ),
    "_operators": "ops",
    "_statistics": "histogramdd",
    "sparse._make": (
        "ccol_indices_copy col_indices_copy crow_indices_copy dsmm hsmm indices_copy row_indices_copy saddmm "
        "sparse_bsc_tensor sparse_bsr_tensor sparse_compressed_tensor sparse_coo_tensor sparse_csc_tensor sparse_csr_tensor "
        "spmm values_copy"
    ),
    "_sampling": "grid_sampler grid_sampler_2d grid_sampler_3d",
    "utils._device": "get_default_device set_default_device",
    "_lobpcg": "lobpcg",
    "_batch_stats": (
        "batch_norm_stats batch_norm_update_stats batch_norm_elemt batch_norm_gather_stats "
        "batch_norm_gather_stats_with_counts batch_norm_backward_reduce batch_norm_backward_elemt"
    ),
    "_settings": (
        "AcceleratorError SymBool SymFloat SymInt are_deterministic_algorithms_enabled compile "
        "compiled_with_cxx11_abi detach detach_ from_file get_deterministic_debug_mode get_device "
        "get_device_module get_float32_matmul_precision has_lapack has_mkl has_openmp has_spectral init_num_threads "
        "is_anomaly_check_nan_enabled is_conj is_deterministic_algorithms_warn_only_enabled is_distributed is_inference is_neg is_same_size is_signed "
        "is_vulkan_available is_warn_always_enabled set_anomaly_enabled set_deterministic_debug_mode set_float32_matmul_precision "
        "set_flush_denormal set_warn_always sym_float sym_int sym_ite sym_max sym_min sym_not sym_sqrt sym_sum to_dlpack "
        "use_deterministic_algorithms"
    ),
    "_functions": (
        "affine_grid_generator alpha_dropout_ arccos_ arccosh_ arcsin_ arcsinh_ arctan_ arctanh_ clip_ cond "
        "cosine_embedding_loss ctc_loss eig embedding_bag embedding_renorm_ feature_alpha_dropout_ "
        "feature_dropout_ fix_ frobenius_norm hinge_embedding_loss lstsq margin_ranking_loss matrix_rank native_norm "
        "negative_ nuclear_norm pdist poisson_nll_loss rrelu_ solve symeig triplet_margin_loss while_loop"
    ),
}
# Names that only the engine's module has, `_C.parse_schema`: module and name there.
ENGINE = {
    "_AliasInfo": "_script.schema AliasInfo",
    "GeneratorType": "_script.types GeneratorType",
    "StorageType": "_script.types StorageType",
    "parse_schema": "_script.parse parse_schema",
    "parse_type": "_script.parse parse_type",
    "_get_schema": "_script.operators get_schema",
    "_jit_get_schemas_for_operator": "_script.operators schemas_for",
    "_jit_get_all_schemas": "_script.operators all_schemas",
    "_jit_try_infer_type": "jit.annotations infer_type",
    "_dispatch_keys": "_script.dispatch dispatch_keys",
    "_dispatch_key_set": "_script.dispatch dispatch_keys",
    "_dispatch_key_name": "_script.dispatch dispatch_key_name",
    "_dispatch_key_parse": "_script.dispatch dispatch_key_parse",
    "_logging_set_logger": "_script.loggers set_logger",
}
MODULES = (
    "_dynamo _functorch _subclasses _tensor_str accelerator amp ao autograd backends compat compiler cpu cuda distributed "
    "distributions errors foreach func functional futures fx hub jit library masked monitor mps mtia multiprocessing nn opencl optim overrides "
    "profiler quantization quasirandom random return_types serialization signal sparse "
    "storage testing torch_version types utils version xpu"
)
