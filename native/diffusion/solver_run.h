// A solver that waits: it asks for the velocity of a state, and goes on when somebody gives it. So several runs, each
// with times and steps of its own, can share one evaluation of a model.
#pragma once

#include <ATen/ATen.h>

#include <coroutine>
#include <exception>
#include <utility>

#include "diffusion/velocity.h"

namespace svg {

/// A state whose velocity is asked for.
struct VelocityQuery {
  at::Tensor x;  // (B, ...) fp32
  SolverTime when;
};

/// One run of a solver over one state. The body is a coroutine: it says `co_await VelocityAt(x, when)` where it needs a
/// velocity, and `co_return x` at the end. Its arguments are taken by value, since they outlive the call that made
/// them.
class SolverRun {
 public:
  struct promise_type;

  SolverRun(SolverRun&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  SolverRun& operator=(SolverRun&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~SolverRun() {
    if (handle_) handle_.destroy();
  }

  /// Goes to its first question; once, before all else. Throws what the solver throws, and so does resume().
  void begin();
  /// What it waits for; nullptr once it is done.
  const VelocityQuery* pending() const;
  /// Goes on with the velocity data - noise of what is pending, of its shape. Throws Error(kInternal) for another
  /// shape.
  void resume(at::Tensor velocity);
  /// The data; call it once nothing is pending.
  const at::Tensor& result() const;

 private:
  using Handle = std::coroutine_handle<promise_type>;

  explicit SolverRun(Handle handle) : handle_(handle) {}
  void go_on();

  Handle handle_;
};

/// An exception of the body is kept here and thrown to whoever resumed it: none passes the coroutine's own frame.
struct SolverRun::promise_type {
  VelocityQuery query;
  at::Tensor velocity, result;
  std::exception_ptr failure;

  SolverRun get_return_object() { return SolverRun(Handle::from_promise(*this)); }
  std::suspend_always initial_suspend() const noexcept { return {}; }
  std::suspend_always final_suspend() const noexcept { return {}; }
  void return_value(at::Tensor x) noexcept { result = std::move(x); }
  void unhandled_exception() noexcept { failure = std::current_exception(); }
};

/// What a solver awaits: the velocity of x at a time, fp32.
class VelocityAt {
 public:
  VelocityAt(at::Tensor x, const SolverTime& when) : query_{std::move(x), when} {}

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<SolverRun::promise_type> run) noexcept;
  at::Tensor await_resume();

 private:
  VelocityQuery query_;
  SolverRun::promise_type* run_ = nullptr;
};

}  // namespace svg
