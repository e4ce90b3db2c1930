#include "models/next_dit/guided.h"

#include <algorithm>

#include "core/error.h"

namespace svg {
namespace {

constexpr size_t kKeptLayouts = 4;

/// The queries that some row needs the image of, in order.
std::vector<size_t> queries_with_rows(const std::vector<GuidedRow>& rows) {
  std::vector<size_t> queries;
  for (const GuidedRow& row : rows) queries.push_back(row.query);
  std::sort(queries.begin(), queries.end());
  queries.erase(std::unique(queries.begin(), queries.end()), queries.end());
  return queries;
}

/// Every packed row takes the modulation of its own segment's time.
void set_groups(const std::vector<int64_t>& of_images, const std::vector<size_t>& image, Packing& images, Packing& rows,
                RowSubset& image_rows) {
  at::Tensor groups, sequence_groups;
  if (!of_images.empty()) {
    std::vector<int64_t> of_sequences;
    for (const size_t place : image) of_sequences.push_back(of_images[place]);
    groups = at::tensor(of_images, at::kLong);
    sequence_groups = at::tensor(of_sequences, at::kLong);
  }
  const at::Device device = rows.rope.cos.device();
  images.group = groups_of_rows(groups, images.segments.offsets, device);
  rows.group = groups_of_rows(sequence_groups, rows.segments.offsets, device);
  image_rows.group = groups_of_rows(sequence_groups, image_rows.segments.offsets, device);
}

}  // namespace

int64_t NextDitGuided::add(const GuidedItem& item, const std::vector<double>& times) {
  const at::Tensor shape_only = at::empty({1}).expand({model_.config.in_channels, item.cells.rows, item.cells.columns});
  Item added{item, model_.grid_of(shape_only), nullptr};
  // Pictures with the same times share their adaLN.
  for (const auto& [_, other] : items_.all()) {
    if (*other.times == times) added.times = other.times;
  }
  if (!added.times) added.times = std::make_shared<const std::vector<double>>(times);
  return items_.add(std::move(added));
}

void NextDitGuided::remove(int64_t item) {
  items_.remove(item);
  std::erase_if(layouts_, [item](const Layout& layout) {
    return std::any_of(layout.sequences.begin(), layout.sequences.end(),
                       [item](const Sequence& sequence) { return sequence.item == item; });
  });
}

NextDitGuided::Layout NextDitGuided::make_layout(std::vector<Sequence> sequences, const GuidedStep& step,
                                                 const std::vector<GuidedQuery>& queries) const {
  const std::vector<size_t> drawn = queries_with_rows(step.rows());
  std::vector<TokenGrid> image_grids, grids;
  for (const size_t query : drawn) image_grids.push_back(items_.at(queries[query].item).grid);
  Layout layout;
  layout.sequences = std::move(sequences);
  std::vector<int64_t> tokens;
  for (const GuidedRow& row : step.rows()) {
    layout.captions.push_back(step.condition_of(row));
    layout.image.push_back(
        static_cast<size_t>(std::lower_bound(drawn.begin(), drawn.end(), row.query) - drawn.begin()));
    tokens.push_back(layout.captions.back().size(0));
    grids.push_back(image_grids[layout.image.back()]);
  }
  layout.images = model_.pack_images(image_grids);
  layout.rows = model_.pack_sequences(tokens, grids);
  layout.image_rows = model_.image_rows(layout.rows, tokens);
  return layout;
}

NextDitGuided::Layout& NextDitGuided::layout_of(const GuidedStep& step, const std::vector<GuidedQuery>& queries) {
  std::vector<Sequence> sequences;
  for (const GuidedRow& row : step.rows()) sequences.push_back({queries[row.query].item, row.conditional});
  const auto known = std::find_if(layouts_.begin(), layouts_.end(),
                                  [&](const Layout& layout) { return layout.sequences == sequences; });
  if (known != layouts_.end()) return *known;
  if (layouts_.size() >= kKeptLayouts) layouts_.pop_front();
  layouts_.push_back(make_layout(std::move(sequences), step, queries));
  return layouts_.back();
}

std::vector<at::Tensor> NextDitGuided::velocity(const std::vector<GuidedQuery>& queries) {
  std::vector<const GuidedItem*> given;
  for (const GuidedQuery& query : queries) given.push_back(&items_.at(query.item).given);
  const GuidedStep step(queries, std::move(given));
  if (step.rows().empty()) return step.guided({});
  Layout& layout = layout_of(step, queries);

  std::vector<at::Tensor> latents;
  std::vector<ModulationWindow::Asked> asked;
  for (const size_t query : queries_with_rows(step.rows())) {
    latents.push_back(queries[query].latent);
    asked.push_back({items_.at(queries[query].item).times, queries[query].when.t});
  }
  const ModulationWindow::Rows modulation = modulation_.at(asked);
  if (layout.modulated != modulation.rows) {
    layout.modulated.reset();
    set_groups(modulation.rows, layout.image, layout.images, layout.rows, layout.image_rows);
    layout.modulated = modulation.rows;
  }

  const at::Tensor images = model_.embed_images(latents, layout.images, modulation.table);
  const std::vector<int64_t>& bounds = layout.images.segments.offsets;
  std::vector<at::Tensor> parts;
  for (size_t i = 0; i < layout.captions.size(); ++i) {
    const int64_t start = bounds[layout.image[i]];
    parts.push_back(layout.captions[i]);
    parts.push_back(images.narrow(0, start, bounds[layout.image[i] + 1] - start));
  }
  const at::Tensor patches = model_.run_layers(at::cat(parts, 0), layout.rows, layout.image_rows, modulation.table);

  std::vector<at::Tensor> velocities;
  for (size_t i = 0; i < step.rows().size(); ++i) {
    const TokenGrid& grid = items_.at(queries[step.rows()[i].query].item).grid;
    const int64_t start = layout.image_rows.segments.offsets[i];
    velocities.push_back(model_.unpatchify(patches.narrow(0, start, grid.tokens()), grid));
  }
  return step.guided(velocities);
}

std::unique_ptr<GuidedVelocity> NextDit::guide() const { return std::make_unique<NextDitGuided>(*this); }

}  // namespace svg
