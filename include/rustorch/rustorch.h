// The whole of RusTorch for C++ programs. `rt` is short for `rustorch`.
#pragma once
#include "rustorch/autocast.h"
#include "rustorch/autograd.h"
#include "rustorch/distributions.h"
#include "rustorch/error.h"
#include "rustorch/factories.h"
#include "rustorch/func.h"
#include "rustorch/gen/headers.h"
#include "rustorch/generator.h"
#include "rustorch/grad_mode.h"
#include "rustorch/memory.h"
#include "rustorch/nn.h"
#include "rustorch/ops.h"
#include "rustorch/optim.h"
#include "rustorch/result.h"
#include "rustorch/serialize.h"
#include "rustorch/state_dict.h"
#include "rustorch/tensor.h"
#include "rustorch/threads.h"

namespace rt = rustorch;
