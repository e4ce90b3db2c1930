// Module init: info() and the Engine class, and that engines end before the process does.
#include <napi.h>

#include <cstdlib>

#include "addon/engine_wrap.h"
#include "addon/js_error.h"
#include "engine/device.h"

namespace {

// process.exit() and an uncaught error end the main thread without its clean-up hooks. `exit` comes before anything of
// libtorch is taken apart; a handler of atexit would come after what jobs have made on their way.
void stop_engines_at_exit(Napi::Env env) {
  const auto process = env.Global().Get("process").As<Napi::Object>();
  const auto on_exit = Napi::Function::New(env, [](const Napi::CallbackInfo& info) {
    const int code = info.Length() > 0 && info[0].IsNumber() ? info[0].As<Napi::Number>().Int32Value() : EXIT_FAILURE;
    svg::addon::EngineWrap::stop_all(info.Env(), code);
  });
  process.Get("on").As<Napi::Function>().Call(process, {Napi::String::New(env, "exit"), on_exit});
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  stop_engines_at_exit(env);
  exports.Set("Engine", svg::addon::EngineWrap::define(env));
  exports.Set("info", Napi::Function::New(env, [](const Napi::CallbackInfo& info) -> Napi::Value {
                return svg::addon::guarded(info.Env(),
                                           [&] { return Napi::String::New(info.Env(), svg::runtime_info().dump()); });
              }));
  return exports;
}

NODE_API_MODULE(svg_t2i, init)

}  // namespace
