// The networks of tests/golden/trajectory_cases.py, with weights and data from a file that Python wrote.
#include <cstdio>
#include <functional>
#include <memory>

#include "parity.h"

namespace parity {

using namespace rt::nn;     // NOLINT
using namespace rt::optim;  // NOLINT
using rt::Tensor;

namespace {
constexpr int kSteps = 100;

/// What a training consists of.
struct Case {
  std::shared_ptr<Module> model;
  std::function<Tensor()> loss;
  std::unique_ptr<Optimizer> optimizer;
  std::unique_ptr<LRScheduler> schedule;
  double clip = 0;
};
using Make = Case (*)(const rt::SavedValue& data, const std::function<void(Module&)>& load);

Case mlp(const rt::SavedValue& data, const std::function<void(Module&)>& load) {
  Sequential model(Linear(6, 16), Tanh(), Linear(16, 16), ReLU(), Linear(16, 3));
  load(*model);
  auto opt = std::make_unique<SGD>(model->parameters(),
                                   SGDOptions(0.05).momentum(0.9).nesterov(true).weight_decay(1e-4));
  auto schedule = std::make_unique<CosineAnnealingLR>(*opt, kSteps);
  const Tensor x = data["x"].tensor(), y = data["y"].tensor();
  return {model.ptr(), [=] { return rt::mse_loss(model(x), y); }, std::move(opt), std::move(schedule)};
}

Case cnn(const rt::SavedValue& data, const std::function<void(Module&)>& load) {
  Sequential model(Conv2d(Conv2dOptions(1, 4, 3).padding(1)), ReLU(), MaxPool2d(2), Conv2d(4, 8, 3),
                   LeakyReLU(0.1), AvgPool2d(2), Flatten(), Linear(8, 5));
  load(*model);
  auto opt = std::make_unique<Adam>(model->parameters(), AdamOptions(0.01));
  const Tensor x = data["x"].tensor(), y = data["y"].tensor();
  return {model.ptr(), [=] { return rt::cross_entropy(model(x), y); }, std::move(opt), nullptr};
}

struct BlockImpl : Module {
  BlockImpl(int64_t in, int64_t out, int64_t stride) {
    conv1 = register_module("conv1", Conv2d(Conv2dOptions(in, out, 3).stride(stride).padding(1).bias(false)));
    bn1 = register_module("bn1", BatchNorm2d(out));
    conv2 = register_module("conv2", Conv2d(Conv2dOptions(out, out, 3).padding(1).bias(false)));
    bn2 = register_module("bn2", BatchNorm2d(out));
    relu = register_module("relu", ReLU(ReLUOptions(true)));
    if (stride != 1 || in != out) {
      downsample = register_module(
          "downsample",
          Sequential(Conv2d(Conv2dOptions(in, out, 1).stride(stride).bias(false)), BatchNorm2d(out)));
    }
  }
  Tensor forward(const Tensor& x) override {
    Tensor out = bn2(conv2(relu(bn1(conv1(x)))));
    out += downsample ? downsample(x) : x;
    return relu(out);
  }
  Conv2d conv1{nullptr}, conv2{nullptr};
  BatchNorm2d bn1{nullptr}, bn2{nullptr};
  ReLU relu{nullptr};
  Sequential downsample{nullptr};
};
using Block = ModuleHolder<BlockImpl>;

Case resnet18(const rt::SavedValue& data, const std::function<void(Module&)>& load) {
  Sequential model(Conv2d(Conv2dOptions(3, 4, 3).padding(1).bias(false)), BatchNorm2d(4),
                   ReLU(ReLUOptions(true)));
  int64_t width = 4;
  for (const int64_t c : {4, 8, 8, 16}) {
    model->push_back(Block(width, c, width == 4 && c == 4 ? 1 : 2));
    model->push_back(Block(c, c, 1));
    width = c;
  }
  model->push_back(AdaptiveAvgPool2d(1));
  model->push_back(Flatten());
  model->push_back(Linear(16, 4));
  load(*model);
  auto opt = std::make_unique<SGD>(model->parameters(), SGDOptions(0.02).momentum(0.9).weight_decay(5e-4));
  auto schedule = std::make_unique<MultiStepLR>(*opt, std::vector<int64_t>{40, 80}, 0.2);
  CrossEntropyLoss loss(CrossEntropyLossOptions().label_smoothing(0.1));
  const Tensor x = data["x"].tensor(), y = data["y"].tensor();
  return {model.ptr(), [=] { return loss(model(x), y); }, std::move(opt), std::move(schedule)};
}

struct LstmModelImpl : Module {
  LstmModelImpl() {
    embed = register_module("embed", Embedding(12, 6));
    rnn = register_module("rnn", LSTM(LSTMOptions(6, 8).num_layers(2).batch_first(true)));
    out = register_module("out", Linear(8, 12));
  }
  Tensor forward(const Tensor& x) override { return out(std::get<0>(rnn(embed(x)))); }
  Embedding embed{nullptr};
  LSTM rnn{nullptr};
  Linear out{nullptr};
};

/// All words but the last, and all but the first.
std::pair<Tensor, Tensor> next_words(const Tensor& words) {
  const int64_t n = words.size(1) - 1;
  return {words.narrow(1, 0, n), words.narrow(1, 1, n).flatten()};
}

Case lstm(const rt::SavedValue& data, const std::function<void(Module&)>& load) {
  const auto model = std::make_shared<LstmModelImpl>();
  load(*model);
  auto opt = std::make_unique<NAdam>(model->parameters(), NAdamOptions(1e-2));
  auto schedule = std::make_unique<ExponentialLR>(*opt, 0.99);
  const auto [x, y] = next_words(data["words"].tensor());
  return {model, [=, x = x, y = y] { return rt::cross_entropy((*model)(x).flatten(0, 1), y); },
          std::move(opt), std::move(schedule), 1.0};
}

struct GruModelImpl : Module {
  GruModelImpl() {
    rnn = register_module("rnn", GRU(GRUOptions(5, 6).bidirectional(true)));
    out = register_module("out", Linear(12, 2));
  }
  Tensor run(const Tensor& x, const Tensor& lengths) {
    const auto packed = utils::rnn::pack_padded_sequence(x, lengths, false, false);
    const Tensor h = std::get<1>(rnn->forward_with_packed_input(packed));
    return out(rt::cat({h.select(0, 0), h.select(0, 1)}, 1));
  }
  GRU rnn{nullptr};
  Linear out{nullptr};
};

Case gru(const rt::SavedValue& data, const std::function<void(Module&)>& load) {
  const auto model = std::make_shared<GruModelImpl>();
  load(*model);
  auto opt = std::make_unique<Adam>(model->parameters(), AdamOptions(0.02).amsgrad(true));
  const Tensor x = data["x"].tensor(), y = data["y"].tensor(), lengths = data["lengths"].tensor();
  return {model, [=] { return rt::smooth_l1_loss(model->run(x, lengths), y); }, std::move(opt), nullptr, 0.5};
}

struct EncoderModelImpl : Module {
  EncoderModelImpl() {
    embed = register_module("embed", Linear(5, 16));
    const TransformerEncoderLayer layer(
        TransformerEncoderLayerOptions(16, 4).dim_feedforward(32).dropout(0.0).activation("gelu").batch_first(
            true));
    encoder = register_module("encoder",
                              TransformerEncoder(TransformerEncoderOptions(layer, 2).norm(LayerNorm(16))));
    out = register_module("out", Linear(16, 3));
  }
  Tensor run(const Tensor& x, const Tensor& mask) { return out(encoder(embed(x), Tensor(), mask).mean(1)); }
  Linear embed{nullptr}, out{nullptr};
  TransformerEncoder encoder{nullptr};
};

Case transformer(const rt::SavedValue& data, const std::function<void(Module&)>& load) {
  const auto model = std::make_shared<EncoderModelImpl>();
  load(*model);
  auto opt = std::make_unique<AdamW>(model->parameters(), AdamWOptions(3e-3));
  auto schedule = std::make_unique<LambdaLR>(*opt, [](int64_t e) { return std::min(1.0, (e + 1) / 10.0); });
  const Tensor x = data["x"].tensor(), y = data["y"].tensor(), mask = data["mask"].tensor();
  return {model, [=] { return rt::cross_entropy(model->run(x, mask), y); }, std::move(opt),
          std::move(schedule), 1.0};
}

struct GptBlockImpl : Module {
  GptBlockImpl(int64_t width, int64_t heads) : heads_(heads) {
    ln1 = register_module("ln1", LayerNorm(width));
    ln2 = register_module("ln2", LayerNorm(width));
    qkv = register_module("qkv", Linear(width, 3 * width));
    proj = register_module("proj", Linear(width, width));
    mlp = register_module("mlp", Sequential(Linear(width, 4 * width), GELU(GELUOptions().approximate("tanh")),
                                            Linear(4 * width, width)));
  }
  Tensor forward(const Tensor& x) override {
    const int64_t b = x.size(0), n = x.size(1), c = x.size(2);
    std::vector<Tensor> parts = qkv(ln1(x)).split(c, 2);
    for (Tensor& t : parts) t = t.view({b, n, heads_, c / heads_}).transpose(1, 2);
    const Tensor y = rt::scaled_dot_product_attention(parts[0], parts[1], parts[2], {}, 0.0, true);
    const Tensor h = x + proj(y.transpose(1, 2).reshape({b, n, c}));
    return h + mlp(ln2(h));
  }
  int64_t heads_;
  LayerNorm ln1{nullptr}, ln2{nullptr};
  Linear qkv{nullptr}, proj{nullptr};
  Sequential mlp{nullptr};
};
using GptBlock = ModuleHolder<GptBlockImpl>;

struct GptImpl : Module {
  GptImpl() {
    tokens = register_module("tokens", Embedding(20, 16));
    places = register_module("places", Embedding(10, 16));
    blocks = register_module("blocks", ModuleList(GptBlock(16, 2), GptBlock(16, 2)));
    norm = register_module("norm", LayerNorm(16));
    head = register_module("head", Linear(16, 20, false));
    head->weight = tokens->weight;
    head->replace_parameter("weight", tokens->weight);
  }
  Tensor forward(const Tensor& x) override {
    Tensor h = tokens(x) + places(rt::arange(x.size(1)));
    for (const auto& block : blocks->children()) h = (*block)(h);
    return head(norm(h));
  }
  Embedding tokens{nullptr}, places{nullptr};
  ModuleList blocks{nullptr};
  LayerNorm norm{nullptr};
  Linear head{nullptr};
};

Case gpt(const rt::SavedValue& data, const std::function<void(Module&)>& load) {
  const auto model = std::make_shared<GptImpl>();
  load(*model);
  auto opt =
      std::make_unique<AdamW>(model->parameters(), AdamWOptions(3e-3).betas({0.9, 0.95}).weight_decay(0.1));
  auto schedule = std::make_unique<OneCycleLR>(*opt, 6e-3, kSteps);
  const auto [x, y] = next_words(data["words"].tensor());
  return {model, [=, x = x, y = y] { return rt::cross_entropy((*model)(x).flatten(0, 1), y); },
          std::move(opt), std::move(schedule), 1.0};
}
}  // namespace

void train(const std::string& name, const std::string& path) {
  const std::pair<const char*, Make> cases[] = {{"mlp", mlp},   {"cnn", cnn}, {"resnet18", resnet18},
                                                {"lstm", lstm}, {"gru", gru}, {"transformer", transformer},
                                                {"gpt", gpt}};
  const rt::SavedValue file = rt::load(path);
  const rt::StateDict state = file["state"].state_dict();
  const auto load = [&](Module& m) {
    m.to(state.entries()[0].second.dtype());
    m.load_state_dict(state);
  };
  for (const auto& [key, make] : cases) {
    if (name != key) continue;
    Case c = make(file["data"], load);
    for (int step = 0; step < kSteps; ++step) {
      c.optimizer->zero_grad();
      const Tensor loss = c.loss();
      loss.backward();
      if (c.clip > 0) utils::clip_grad_norm_(c.model->parameters(), c.clip);
      c.optimizer->step();
      if (c.schedule) c.schedule->step();
      std::printf("%s\n", hex(loss.item<double>()).c_str());
    }
    std::vector<Tensor> tensors;
    for (const auto& [entry, t] : c.model->state_dict()) tensors.push_back(t);
    std::printf("%08x\n", checksum(tensors));
  }
}

}  // namespace parity
