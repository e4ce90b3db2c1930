#include "models/next_dit/guided.h"

#include "core/error.h"

namespace svg {
namespace {

constexpr int64_t kTableRows = 64;  // 0.9 MB a row at the 2B's width

}  // namespace

NextDitGuided::NextDitGuided(const NextDit& model, std::vector<GuidedItem> items, const Guidance& guidance)
    : model_(model), items_(std::move(items)), guidance_(guidance) {
  SVG_CHECK(!items_.empty(), ErrorCode::kInvalidArgument, "no picture to sample");
  for (const GuidedItem& item : items_) {
    const at::Tensor shape_only =
        at::empty({1}).expand({model.config.in_channels, item.cells.rows, item.cells.columns});
    grids_.push_back(model_.grid_of(shape_only));
  }
  image_packing_ = model_.pack_images(grids_);
}

void NextDitGuided::plan_times(std::vector<double> times) {
  times_ = std::move(times);
  table_.reset();
}

ModulationTable NextDitGuided::modulation_at(double t) {
  const auto found = std::find(times_.begin(), times_.end(), t);
  if (found == times_.end()) return model_.modulation_table(at::full({1}, t, at::kFloat));
  const int64_t index = found - times_.begin();
  const int64_t count = static_cast<int64_t>(times_.size());
  if (!table_ || index < table_start_ || index >= table_start_ + table_->final_scale.size(0)) {
    table_start_ = index;
    const int64_t rows = std::min(kTableRows, count - index);
    const std::vector<double> window(found, found + rows);
    table_ = model_.modulation_table(at::tensor(window, at::kDouble).to(at::kFloat));
  }
  return table_->narrow(index - table_start_, 1);
}

NextDitGuided::Layout NextDitGuided::make_layout(const GuidanceNeeds& needs) const {
  Layout layout;
  std::vector<TokenGrid> grids;
  const auto add = [&](at::Tensor GuidedItem::*caption) {
    for (const GuidedItem& item : items_) layout.captions.push_back(item.*caption);
    grids.insert(grids.end(), grids_.begin(), grids_.end());
  };
  if (needs.conditional) add(&GuidedItem::conditional);
  if (needs.unconditional) add(&GuidedItem::unconditional);
  std::vector<int64_t> tokens;
  for (const at::Tensor& caption : layout.captions) tokens.push_back(caption.size(0));
  layout.sequences = model_.pack_sequences(tokens, grids);
  layout.images = model_.image_rows(layout.sequences, tokens);
  return layout;
}

std::vector<at::Tensor> NextDitGuided::velocity(const std::vector<at::Tensor>& latents, const SolverTime& when) {
  SVG_CHECK(latents.size() == items_.size(), ErrorCode::kInvalidArgument, latents.size(), " latents for ",
            items_.size(), " pictures");
  const size_t count = items_.size();
  const double t = when.t;
  const GuidanceNeeds needs = guidance_.needs(when);
  const Guidance now = guidance_.at(when);
  std::vector<at::Tensor> velocities;
  if (!needs.conditional && !needs.unconditional) {
    for (const at::Tensor& latent : latents) velocities.push_back(at::zeros_like(latent));
    return velocities;
  }
  const bool guided = needs.conditional && needs.unconditional;
  std::optional<Layout>& kept = guided ? guided_ : needs.conditional ? conditional_ : unconditional_;
  if (!kept) kept = make_layout(needs);
  const Layout& layout = *kept;

  const ModulationTable modulation = modulation_at(t);
  const at::Tensor images = model_.embed_images(latents, image_packing_, modulation);
  std::vector<at::Tensor> parts;
  for (size_t i = 0; i < layout.captions.size(); ++i) {
    const int64_t start = image_packing_.segments.offsets[i % count];
    parts.push_back(layout.captions[i]);
    parts.push_back(images.narrow(0, start, image_packing_.segments.offsets[i % count + 1] - start));
  }
  const at::Tensor patches = model_.run_layers(at::cat(parts, 0), layout.sequences, layout.images, modulation);

  const auto velocity_of = [&](size_t sequence, const TokenGrid& grid) {
    return model_.unpatchify(patches.narrow(0, layout.images.segments.offsets[sequence], grid.tokens()), grid);
  };
  const bool shortened = now.shortens_conditional(t);
  for (size_t i = 0; i < count; ++i) {
    const at::Tensor first = velocity_of(i, grids_[i]);
    if (guided) {
      velocities.push_back(guided_velocity(first, velocity_of(count + i, grids_[i]), now));
    } else if (!needs.conditional) {
      velocities.push_back(*guidance_.unconditional_alone(when) * first);
    } else {
      velocities.push_back(shortened ? guided_velocity(first, first, now) : first.contiguous());
    }
  }
  return velocities;
}

std::unique_ptr<GuidedVelocity> NextDit::guide(std::vector<GuidedItem> items, const Guidance& guidance) const {
  return std::make_unique<NextDitGuided>(*this, std::move(items), guidance);
}

}  // namespace svg
