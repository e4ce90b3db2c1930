// Jobs that are drawn together where memory is short: what does not fit beside the others waits for them.
#include "engine/sampling_session.h"

#include <c10/core/GradMode.h>

#include "analytic_model.h"

using namespace svg;

namespace {

/// Where it says so, memory is out.
using Fails = std::function<bool()>;

void allocate(const Fails& fails) {
  if (fails && fails()) throw Error(ErrorCode::kOutOfMemory, "out of memory");
}

/// A cell is one pixel.
class FailingDecoder : public LatentDecoder {
 public:
  explicit FailingDecoder(const Fails& fails) : fails_(fails) {}
  LatentGrid grid() const override { return {2, 1}; }
  at::Tensor decode(const at::Tensor& latent) const override {
    allocate(fails_);
    return latent.narrow(1, 0, 1).expand({-1, 3, -1, -1}).tanh();
  }
  const at::Tensor& last_weight() const override { return none_; }

 private:
  const Fails& fails_;
  at::Tensor none_;
};

class FailingLabels : public Conditioner {
 public:
  explicit FailingLabels(const Fails& fails) : fails_(fails) {}
  ConditionKind kind() const override { return ConditionKind::label(3); }
  std::vector<at::Tensor> encode(const std::vector<std::vector<int64_t>>& inputs) const override {
    allocate(fails_);
    return {at::tensor(inputs[0], at::kLong)};
  }

 private:
  const Fails& fails_;
};

struct Fixture {
  c10::NoGradGuard no_grad;
  test::Script script;
  Fails decoding, encoding;
  EngineState state;
  std::vector<std::string> told;  // "a step", "a decode", "a done", "a ERR_..."

  Fixture() {
    state.velocity_model = std::make_unique<test::AnalyticModel>(script);
    state.labels = std::make_unique<FailingLabels>(encoding);
    AutoencoderConfig config;
    config.decoder.kind = "conv";
    config.decoder.grid = {2, 1};
    config.decoder.own_statistics = true;
    config.decoder.build = [this](const Weights&) { return std::make_unique<FailingDecoder>(decoding); };
    const Weights nothing(std::make_shared<MapSource>(TensorMap{}, "nothing"));
    state.autoencoder = std::make_unique<Autoencoder>(AutoencoderWeights{nothing, {}, {}}, config);
  }

  std::shared_ptr<QueuedJob> job(const std::string& name, int64_t steps, int64_t label, int64_t previews = 0) {
    Json solver = Json::parse(R"({"name": "euler", "order": 2, "method": "multistep", "skipType": "logSNR",
                                  "shift": 1, "atol": 1, "rtol": 1})");
    solver.set("steps", steps);
    Json item = Json::parse(R"({"seed": 1, "width": 4, "height": 2})");
    item.set("class", label);
    Json request = Json::parse(R"({"guidance": {"scale": 1, "mode": "standard", "until": 1, "renorm": 0,
                                  "schedule": "constant"}, "returnLatents": false, "returnDecoded": false})");
    request.set("solver", solver).set("items", Json(Json::Array{item})).set("previewEvery", previews);
    auto made = std::make_shared<QueuedJob>(1, "sample", JobSet::kPublic, std::move(request));
    made->callbacks.event = [this, name](const Json& event, const TensorMap&) {
      told.push_back(name + " " + event.at("type").as_string());
    };
    made->callbacks.done = [this, name](const Error* error, const JobResult&) {
      told.push_back(name + " " + (error ? error_code_name(error->code()) : "done"));
    };
    return made;
  }

  std::ptrdiff_t count(const std::string& what) const { return std::count(told.begin(), told.end(), what); }
};

}  // namespace

TEST_CASE("session: a picture that finds no memory to be decoded is decoded when the others are done") {
  Fixture fixture;
  SamplingSession session(fixture.state, 100);
  session.join(fixture.job("short", 2, 0));
  session.join(fixture.job("long", 4, 1));
  fixture.decoding = [&] { return fixture.count("long step") < 3; };
  while (!session.empty()) {
    session.step();
    EXPECT(session.empty() ||
           session.has_room_for(*fixture.job("third", 2, 0)) == (fixture.count("short decode") == 0));
  }
  EXPECT(fixture.count("short decode") == 1 && fixture.count("long step") == 3);
  EXPECT(fixture.told.back() == "short done" || fixture.told.back() == "long done");
  EXPECT(fixture.count("short done") == 1 && fixture.count("long done") == 1);
}

TEST_CASE("session: a picture that waits for memory is cancelled at the next step, and fails where it is alone") {
  Fixture fixture;
  SamplingSession session(fixture.state, 100);
  const auto waits = fixture.job("waits", 2, 0);
  session.join(waits);
  session.join(fixture.job("long", 4, 1));
  fixture.decoding = [] { return true; };
  session.step();
  EXPECT(fixture.count("waits decode") == 1);
  waits->cancel();
  session.step();
  EXPECT(fixture.told.back() == "waits ERR_SVGT2I_CANCELLED");
  while (!session.empty()) session.step();
  EXPECT(fixture.told.back() == "long ERR_SVGT2I_OUT_OF_MEMORY");
}

TEST_CASE("session: captions that find no memory are encoded when the others are done") {
  Fixture fixture;
  SamplingSession session(fixture.state, 100);
  session.join(fixture.job("first", 3, 0));
  fixture.encoding = [&] { return fixture.count("first done") == 0; };
  session.join(fixture.job("second", 2, 1));
  EXPECT(!session.has_room_for(*fixture.job("third", 2, 0)));
  while (!session.empty()) session.step();
  EXPECT(fixture.count("first done") == 1 && fixture.told.back() == "second done");
  fixture.encoding = [] { return true; };
  session.join(fixture.job("alone", 2, 2));
  EXPECT(fixture.told.back() == "alone ERR_SVGT2I_OUT_OF_MEMORY" && session.empty());
}

TEST_CASE("session: previews that find no memory are left out, the picture goes on") {
  Fixture fixture;
  SamplingSession session(fixture.state, 100);
  session.join(fixture.job("one", 5, 0, 1));
  fixture.decoding = [&] { return fixture.count("one step") == 2; };
  while (!session.empty()) session.step();
  EXPECT(fixture.count("one preview") == 2 && fixture.told.back() == "one done");
}

TEST_CASE("session: a job that does not fit into memory beside the others waits, and one that never fits is refused") {
  Fixture fixture;
  double share = 0.6;  // of what is free, for one picture
  const auto free = static_cast<double>(free_memory(at::kCPU));
  if (free <= 0) return;  // the system does not tell
  fixture.state.velocity_work = [&](const VelocityLoad& load) {
    Work work;
    work.hold(static_cast<int64_t>(share * free) * static_cast<int64_t>(load.pictures.size()));
    return work;
  };
  SamplingSession session(fixture.state, 100);
  session.join(fixture.job("one", 2, 0));
  EXPECT(!session.has_room_for(*fixture.job("other", 2, 1)));
  share = 0.01;
  EXPECT(session.has_room_for(*fixture.job("other", 2, 1)));
  while (!session.empty()) session.step();
  share = 0.6;
  EXPECT(session.has_room_for(*fixture.job("other", 2, 1)));
  share = 1000;
  session.join(fixture.job("large", 2, 1));
  EXPECT(fixture.told.back() == "large ERR_SVGT2I_OUT_OF_MEMORY");
}
