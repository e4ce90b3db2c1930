#include "models/catalogue.h"

#include <algorithm>
#include <cctype>

#include "core/error.h"
#include "models/class_dit/class_dit.h"
#include "models/conditioners/gemma2.h"
#include "models/decoders/conv_decoder.h"
#include "models/decoders/hunyuan.h"
#include "models/decoders/rae.h"
#include "models/encoders/dinov2.h"
#include "models/encoders/dinov3.h"
#include "models/encoders/mae.h"
#include "models/encoders/siglip2.h"
#include "models/next_dit/next_dit.h"
#include "models/rae_dit/rae_dit.h"
#include "models/residual/rope.h"
#include "models/residual/torchvision.h"

namespace svg {

const std::vector<EncoderKind>& encoder_kinds() {
  static const std::vector<EncoderKind> kinds = {dinov3_kind(), dinov2::kind(), siglip2::kind(), mae::kind()};
  return kinds;
}

const std::vector<ResidualKind>& residual_kinds() {
  static const std::vector<ResidualKind> kinds = {rope_residual_kind(), torchvision_residual_kind()};
  return kinds;
}

const std::vector<DecoderKind>& decoder_kinds() {
  static const std::vector<DecoderKind> kinds = {conv_decoder_kind(), hunyuan_kind(), rae_kind()};
  return kinds;
}

const std::vector<VelocityKind>& velocity_kinds() {
  static const std::vector<VelocityKind> kinds = {next_dit_kind(), svg_dit_kind(), rae_dit_kind()};
  return kinds;
}

const std::vector<ConditionerKind>& conditioner_kinds() {
  static const std::vector<ConditionerKind> kinds = {gemma2_kind()};
  return kinds;
}

namespace {

std::string plain_spelling(const std::string& name) {
  std::string plain;
  for (const char c : name) {
    if (c != '-' && c != '_') plain += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return plain;
}

template <typename Kind>
const Kind& kind_named(const std::vector<Kind>& kinds, const char* what, const std::string& name) {
  std::string known;
  for (const Kind& kind : kinds) {
    if (same_kind(kind.name, name)) return kind;
    known += (known.empty() ? "" : ", ") + kind.name;
  }
  throw Error(ErrorCode::kInvalidConfig, concat("no ", what, " is called \"", name, "\""), "known: " + known);
}

template <typename Kind>
const Kind& kind_of_json(const std::vector<Kind>& kinds, const char* what, const Json& json) {
  for (const char* key : {"kind", "type"}) {
    if (const Json* name = json.find(key)) return kind_named(kinds, what, name->as_string());
  }
  if (const Json* arch = json.find("arch")) {
    for (const Kind& kind : kinds) {
      if (std::count(kind.presets.begin(), kind.presets.end(), arch->as_string()) > 0) return kind;
    }
  }
  return kinds.front();
}

template <typename Kind>
const Kind* recogniser_of(const std::vector<Kind>& kinds, const Weights& weights) {
  for (const Kind& kind : kinds) {
    if (kind.recognise(weights)) return &kind;
  }
  return nullptr;
}

}  // namespace

bool same_kind(const std::string& a, const std::string& b) { return plain_spelling(a) == plain_spelling(b); }

const EncoderKind& encoder_kind(const std::string& name) { return kind_named(encoder_kinds(), "encoder", name); }
const ResidualKind& residual_kind(const std::string& name) {
  return kind_named(residual_kinds(), "residual branch", name);
}
const DecoderKind& decoder_kind(const std::string& name) { return kind_named(decoder_kinds(), "decoder", name); }

const VelocityKind& velocity_kind(const std::string& name) {
  return kind_named(velocity_kinds(), "diffusion transformer", name);
}
const VelocityKind& velocity_kind_of(const Json& json) {
  return kind_of_json(velocity_kinds(), "diffusion transformer", json);
}

EncoderPlan encoder_plan(const Json& json) { return kind_of_json(encoder_kinds(), "encoder", json).from_json(json); }
ResidualPlan residual_plan(const Json& json) {
  return kind_of_json(residual_kinds(), "residual branch", json).from_json(json);
}
DecoderPlan decoder_plan(const Json& json) { return kind_of_json(decoder_kinds(), "decoder", json).from_json(json); }

const EncoderKind* recognise_encoder(const Weights& weights) { return recogniser_of(encoder_kinds(), weights); }
const ResidualKind* recognise_residual(const Weights& weights) { return recogniser_of(residual_kinds(), weights); }
const DecoderKind* recognise_decoder(const Weights& weights) { return recogniser_of(decoder_kinds(), weights); }

const VelocityKind* recognise_velocity_model(const Weights& weights) {
  return recogniser_of(velocity_kinds(), weights);
}
const ConditionerKind* recognise_conditioner(const Weights& weights) {
  return recogniser_of(conditioner_kinds(), weights);
}

}  // namespace svg
