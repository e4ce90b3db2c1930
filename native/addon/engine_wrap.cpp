#include "addon/engine_wrap.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <set>
#include <vector>

#include "addon/convert.h"
#include "addon/js_error.h"

namespace svg::addon {

// What travels from the engine's thread to JavaScript: onMessage(id, kind, json, tensors).
struct EngineWrap::Message {
  uint64_t id = 0;
  std::string kind;  // "event", "result", "error", "stopped"
  std::string json;
  TensorMap tensors;
};

// The way from the engine's thread to JavaScript. Jobs hold it, so it outlives the wrapper.
struct EngineWrap::Channel {
  static void call_js(Napi::Env env, Napi::Function callback, Channel* channel, Message* message) {
    const std::unique_ptr<Message> owned(message);
    if (env == nullptr || callback == nullptr) return;  // the environment is going down
    const Napi::HandleScope scope(env);
    if (owned->kind != "event") channel->end_waiting(env);
    callback.Call({Napi::Number::New(env, static_cast<double>(owned->id)), Napi::String::New(env, owned->kind),
                   Napi::String::New(env, owned->json), tensors_to_js(env, owned->tensors)});
  }

  using Function = Napi::TypedThreadSafeFunction<Channel, Message, call_js>;

  // JavaScript's thread only: the process stays alive while an answer is awaited, and no longer.
  void begin_waiting(Napi::Env env) {
    if (waiting++ == 0) function.Ref(env);
  }
  void end_waiting(Napi::Env env) {
    if (--waiting == 0) function.Unref(env);
  }

  // Any thread.
  void send(Message message) {
    const std::lock_guard<std::mutex> lock(mutex);
    if (closed) return;
    auto owned = std::make_unique<Message>(std::move(message));
    if (function.NonBlockingCall(owned.get()) == napi_ok) static_cast<void>(owned.release());
  }

  void close(bool release) {
    const std::lock_guard<std::mutex> lock(mutex);
    if (closed) return;
    closed = true;
    if (release) function.Release();
  }

  std::mutex mutex;
  bool closed = false;
  int waiting = 0;
  Function function;
};

namespace {

// Jobs ask between the layers of a model, which take a second at most: this ends what hangs.
constexpr std::chrono::seconds kPatienceAtExit{10};

struct Live {
  std::mutex mutex;
  std::set<EngineWrap*> engines;  // of every thread
};

// Never destroyed: threads may still end while the process does.
Live& live() {
  static Live* const all = new Live;
  return *all;
}

}  // namespace

Napi::Function EngineWrap::define(Napi::Env env) {
  return DefineClass(env, "Engine",
                     {InstanceMethod("submit", &EngineWrap::submit), InstanceMethod("cancel", &EngineWrap::cancel),
                      InstanceMethod("dispose", &EngineWrap::dispose)});
}

// new Engine(optionsJson, onMessage)
EngineWrap::EngineWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<EngineWrap>(info), env_(info.Env()) {
  const Napi::Env env = info.Env();
  if (info.Length() < 2 || !info[0].IsString() || !info[1].IsFunction()) {
    throw Napi::TypeError::New(env, "Engine(optionsJson, onMessage)");
  }
  guarded(env, [&] { engine_ = std::make_unique<Engine>(Json::parse(info[0].As<Napi::String>().Utf8Value())); });
  channel_ = std::make_shared<Channel>();
  // Node frees the function after its last call, and with it this holder.
  auto* holder = new std::shared_ptr<Channel>(channel_);
  channel_->function = Channel::Function::New(
      env, info[1].As<Napi::Function>(), "svg-t2i engine", 0, 1, channel_.get(),
      [](Napi::Env, std::shared_ptr<Channel>* owned, Channel*) { delete owned; }, holder);
  channel_->function.Unref(env);
  napi_add_env_cleanup_hook(env_, stop_with_environment, this);
  const std::lock_guard<std::mutex> lock(live().mutex);
  live().engines.insert(this);
}

// Runs when the environment ends with the engine alive: libtorch must not work on under it.
void EngineWrap::stop_with_environment(void* data) {
  auto* wrap = static_cast<EngineWrap*>(data);
  wrap->channel_->close(/*release=*/false);  // Node releases the function itself from here on
  wrap->engine_->stop();
}

void EngineWrap::stop_all(napi_env env, int exit_code) {
  std::vector<Engine*> engines;  // only this thread destroys those of its environment
  {
    const std::lock_guard<std::mutex> lock(live().mutex);
    for (EngineWrap* wrap : live().engines) {
      if (wrap->env_ == env) engines.push_back(wrap->engine_.get());
    }
  }
  for (Engine* engine : engines) engine->begin_stop();  // all at once, then one wait for all
  // The end of a worker is not the end of the process. (gettid() itself is newer than the oldest glibc that is served.)
  const bool on_main_thread = ::syscall(SYS_gettid) == ::getpid();
  const auto end = std::chrono::steady_clock::now() + kPatienceAtExit;
  for (Engine* engine : engines) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    if (!on_main_thread) {
      engine->stop();
    } else if (!engine->stop_within(std::max(left, std::chrono::milliseconds(0)))) {
      _exit(exit_code);
    }
  }
}

EngineWrap::~EngineWrap() {
  if (!channel_) return;
  napi_remove_env_cleanup_hook(env_, stop_with_environment, this);
  channel_->close(/*release=*/true);
  engine_->stop();
  const std::lock_guard<std::mutex> lock(live().mutex);
  live().engines.erase(this);
}

// submit(id, kind, requestJson, tensors)
void EngineWrap::submit(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() < 4 || !info[0].IsNumber() || !info[1].IsString() || !info[2].IsString() || !info[3].IsObject()) {
    throw Napi::TypeError::New(env, "submit(id, kind, requestJson, tensors)");
  }
  guarded(env, [&] {
    const auto id = static_cast<uint64_t>(info[0].As<Napi::Number>().Int64Value());
    const auto send = [channel = channel_, id](const char* kind, const Json& json, TensorMap tensors) {
      channel->send({id, kind, json.dump(), std::move(tensors)});
    };
    JobCallbacks callbacks;
    callbacks.event = [send](Json event, TensorMap tensors) { send("event", event, std::move(tensors)); };
    callbacks.done = [send](const Error* error, JobResult result) {
      if (!error) return send("result", result.value, std::move(result.tensors));
      Json json = Json::object();
      json.set("code", error_code_name(error->code())).set("message", error->what()).set("hint", error->hint());
      send("error", json, {});
    };
    engine_->submit(id, info[1].As<Napi::String>().Utf8Value(), Json::parse(info[2].As<Napi::String>().Utf8Value()),
                    tensors_from_js(info[3].As<Napi::Object>()), std::move(callbacks));
    channel_->begin_waiting(env);
  });
}

void EngineWrap::cancel(const Napi::CallbackInfo& info) {
  engine_->cancel(static_cast<uint64_t>(info[0].As<Napi::Number>().Int64Value()));
}

// dispose(): a last message of kind "stopped" tells when the thread has ended.
void EngineWrap::dispose(const Napi::CallbackInfo& info) {
  channel_->begin_waiting(info.Env());
  engine_->begin_stop([channel = channel_] {
    channel->send({0, "stopped", "null", {}});
    channel->close(/*release=*/true);
  });
}

}  // namespace svg::addon
