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

 private:
  struct Message;
  struct Channel;

  void submit(const Napi::CallbackInfo& info);
  void cancel(const Napi::CallbackInfo& info);
  void dispose(const Napi::CallbackInfo& info);

  static void stop_at_exit(void* wrap);

  napi_env env_;
  std::shared_ptr<Channel> channel_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace svg::addon
