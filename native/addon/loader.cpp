// Opens libraries by absolute path, so that the main addon needs neither a run path nor LD_LIBRARY_PATH: what it
// asks for by SONAME is open already. A library of its own, since the main addon cannot load before this has run.
#include <dlfcn.h>
#include <napi.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace {

// Opens all of them, in order; what dlerror says of the one that does not open, or nothing. Handles are never closed:
// libtorch does not survive dlclose. RTLD_LOCAL keeps libtorch's symbols (protobuf, OpenMP) from other addons of the
// process. RTLD_LAZY: libtorch_cpu alone calls 43,000 functions through its table, of which a run uses some hundred,
// and to find them all takes a third of the time. A library that is missing is found here all the same; the doctor,
// which sets LD_BIND_NOW, finds a missing function.
std::string open_all(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    if (dlopen(path.c_str(), RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE) == nullptr) return dlerror();
  }
  return "";
}

// On JavaScript's thread, where nobody else reads the environment.
std::vector<std::string> prepare(const Napi::CallbackInfo& info) {
  // libgomp reads it once: how often a thread that waits for work looks before it sleeps. A thousand looks, each with a
  // pause, take 18 us of a Xeon. By default it looks for ever, and ten times as many still are longer than most of what
  // a small model computes: on a machine that is busy with something else they double its time.
  setenv("GOMP_SPINCOUNT", "1000", /*overwrite=*/0);
  const auto array = info[0].As<Napi::Array>();
  std::vector<std::string> paths;
  for (uint32_t i = 0; i < array.Length(); ++i) paths.push_back(array.Get(i).ToString());
  return paths;
}

// open(paths): half a second and more the first time in a process.
void open(const Napi::CallbackInfo& info) {
  const std::string error = open_all(prepare(info));
  if (!error.empty()) throw Napi::Error::New(info.Env(), error);
}

// openAsync(paths): the same on a thread of its own, as a promise that keeps no process alive: one that has nothing
// else to do may end before it settles.
Napi::Value open_async(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Napi::Promise::Deferred deferred(env);
  const auto nothing = Napi::Function::New(env, [](const Napi::CallbackInfo&) {});
  auto opened = Napi::ThreadSafeFunction::New(env, nothing, "svg-t2i open", /*maxQueueSize=*/0,
                                              /*initialThreadCount=*/1);
  opened.Unref(env);
  std::thread([paths = prepare(info), deferred, opened]() mutable {
    const std::string error = open_all(paths);
    const auto settle = [deferred, error](Napi::Env env, Napi::Function) {
      if (error.empty())
        deferred.Resolve(env.Undefined());
      else
        deferred.Reject(Napi::Error::New(env, error).Value());
    };
    if (opened.BlockingCall(settle) == napi_ok) opened.Release();
  }).detach();
  return deferred.Promise();
}

// endProcess(code): at once. libtorch takes a tenth of a second to take its tables of operators apart, and an open that
// is under way would be waited for.
void end_process(const Napi::CallbackInfo& info) {
  const int code = info[0].As<Napi::Number>().Int32Value();
  std::fflush(nullptr);
  _exit(code);
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("open", Napi::Function::New(env, open));
  exports.Set("openAsync", Napi::Function::New(env, open_async));
  exports.Set("endProcess", Napi::Function::New(env, end_process));
  return exports;
}

NODE_API_MODULE(svg_t2i_loader, init)

}  // namespace
