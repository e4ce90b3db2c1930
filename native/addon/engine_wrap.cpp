#include "addon/engine_wrap.h"

#include <mutex>

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

// The way from the engine's thread to JavaScript. Outlives the wrapper: jobs hold it until they end.
struct EngineWrap::Channel {
  static void call_js(Napi::Env env, Napi::Function callback, std::nullptr_t*, Message* message) {
    const std::unique_ptr<Message> owned(message);
    if (env == nullptr || callback == nullptr) return;  // the environment is going down
    const Napi::HandleScope scope(env);
    callback.Call({Napi::Number::New(env, static_cast<double>(owned->id)), Napi::String::New(env, owned->kind),
                   Napi::String::New(env, owned->json), tensors_to_js(env, owned->tensors)});
  }

  using Function = Napi::TypedThreadSafeFunction<std::nullptr_t, Message, call_js>;

  void send(std::unique_ptr<Message> message) {
    const std::lock_guard<std::mutex> lock(mutex);
    if (closed) return;
    if (function.NonBlockingCall(message.get()) == napi_ok) static_cast<void>(message.release());
  }

  void close() {
    const std::lock_guard<std::mutex> lock(mutex);
    if (closed) return;
    closed = true;
    function.Release();
  }

  std::mutex mutex;
  bool closed = false;
  Function function;
};

Napi::Function EngineWrap::define(Napi::Env env) {
  return DefineClass(env, "Engine",
                     {InstanceMethod("submit", &EngineWrap::submit), InstanceMethod("cancel", &EngineWrap::cancel),
                      InstanceMethod("dispose", &EngineWrap::dispose)});
}

// new Engine(optionsJson, onMessage)
EngineWrap::EngineWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<EngineWrap>(info) {
  const Napi::Env env = info.Env();
  if (info.Length() < 2 || !info[0].IsString() || !info[1].IsFunction()) {
    throw Napi::TypeError::New(env, "Engine(optionsJson, onMessage)");
  }
  guarded(env, [&] { engine_ = std::make_shared<Engine>(Json::parse(info[0].As<Napi::String>().Utf8Value())); });
  channel_ = std::make_shared<Channel>();
  channel_->function = Channel::Function::New(env, info[1].As<Napi::Function>(), "svg-t2i engine", 0, 1);
  // A process must not stay alive for an idle engine; lib/engine.ts holds a reference while jobs run.
  channel_->function.Unref(env);
  // At the end of the environment the thread is stopped and joined: libtorch must not run on under it.
  env.AddCleanupHook([engine = engine_, channel = channel_] {
    {
      const std::lock_guard<std::mutex> lock(channel->mutex);
      channel->closed = true;  // Node releases the function itself from here on
    }
    engine->stop();
  });
}

EngineWrap::~EngineWrap() {
  if (engine_) engine_->begin_stop([channel = channel_] { channel->close(); });
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
      channel->send(std::make_unique<Message>(Message{id, kind, json.dump(), std::move(tensors)}));
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
  });
}

void EngineWrap::cancel(const Napi::CallbackInfo& info) {
  engine_->cancel(static_cast<uint64_t>(info[0].As<Napi::Number>().Int64Value()));
}

// dispose(): a last message of kind "stopped" tells when the thread has ended.
void EngineWrap::dispose(const Napi::CallbackInfo&) {
  engine_->begin_stop([channel = channel_] {
    channel->send(std::make_unique<Message>(Message{0, "stopped", "null", {}}));
    channel->close();
  });
}

}  // namespace svg::addon
