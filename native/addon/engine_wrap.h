// The Engine class as JavaScript sees it; lib/native/binding.ts holds its type.
#pragma once

#include <napi.h>

#include <memory>
#include <string>

#include "engine/engine.h"

namespace svg::addon {

class EngineWrap : public Napi::ObjectWrap<EngineWrap> {
 public:
  static Napi::Function define(Napi::Env env);

  explicit EngineWrap(const Napi::CallbackInfo& info);
  ~EngineWrap() override;

  /// Ends the engines of one environment (a thread of JavaScript). libtorch must not work on while it is taken apart:
  /// on the main thread, an engine that does not end in time ends the process, with `exit_code`, before that.
  static void stop_all(napi_env env, int exit_code);

 private:
  struct Message;
  struct Channel;

  void submit(const Napi::CallbackInfo& info);
  void cancel(const Napi::CallbackInfo& info);
  void dispose(const Napi::CallbackInfo& info);

  static void stop_with_environment(void* wrap);

  napi_env env_;
  std::shared_ptr<Channel> channel_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace svg::addon
